// The draft in work: what is chosen, undo and redo, kept across reloads. Fires "change".

import { isFixed, newDraft, nextOpen } from "./draft.js";
import { keepOnly, loadDraft, saveDraft } from "./draft_store.js";

const MOST_STEPS = 100; // that can be undone
const KEPT_STEPS = 30; // that survive a reload
const IN_A_ROW = 1500; // milliseconds between changes that are undone together

export const TOOLS = ["box", "point", "connect"];

export class Editor extends EventTarget {
  draft = null; // null: nothing is being taught
  shot = 0;
  chosen = -1; // keypoint
  tool = "box";
  work = 0; // grows with every other draft that is begun
  chain = -1; // keypoint that the connect tool joins the next one to
  #past = [];
  #future = [];
  #series = null;
  #changed = 0;
  #givenUp = null; // a draft that can be taken back, with its history

  constructor() {
    super();
    const saved = loadDraft();
    if (!saved) return;
    ({ draft: this.draft, shot: this.shot, tool: this.tool } = saved);
    this.#past = saved.past;
    this.#future = saved.future;
  }

  get current() {
    return this.draft?.shots[this.shot] ?? null;
  }

  /** The image IDs that the draft or a step of it needs. */
  get images() {
    const { past = [], draft = null, future = [] } = this.#givenUp ?? {};
    const drafts = [...this.#past, this.draft, ...this.#future, ...past, draft, ...future].filter(Boolean);
    return drafts.flatMap(({ shots }) => shots.map(({ image }) => image));
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Begins with another draft; what was before cannot be undone. */
  begin(draft = newDraft(), shot = 0) {
    this.work += 1;
    Object.assign(this, { draft, shot, chosen: -1, chain: -1 });
    this.tool = draft.shots[shot]?.box || isFixed(draft) ? "point" : "box";
    this.#past = [];
    this.#future = [];
    this.#notify();
  }

  discard() {
    this.work += 1;
    Object.assign(this, { draft: null, shot: 0, chosen: -1, chain: -1, tool: "box" });
    this.#past = [];
    this.#future = [];
    keepOnly(this.images);
    this.#notify();
  }

  /** Discards the draft so that `takeBack` can go on with it, until another one is given up. */
  giveUp() {
    const { draft, shot } = this;
    this.#givenUp = { draft, shot, past: this.#past, future: this.#future };
    this.discard();
  }

  takeBack() {
    const { draft, shot, past, future } = this.#givenUp;
    this.#givenUp = null;
    this.begin(draft, shot);
    this.#past = past;
    this.#future = future;
    this.#notify();
  }

  /** Makes a change that can be undone. others: what is chosen from then on. Changes of the same
   * `series` in quick succession, such as the letters of a name, are undone together. */
  change(draft, others = {}, series = null) {
    const now = performance.now();
    const goesOn = series !== null && series === this.#series && now - this.#changed < IN_A_ROW;
    this.#series = series;
    this.#changed = now;
    if (!goesOn) this.#past.push(this.draft);
    if (this.#past.length > MOST_STEPS) this.#past.shift();
    this.#future = [];
    this.#take(draft, others);
  }

  /** Replaces the draft by one that means the same: nothing to undo. */
  amend(draft) {
    this.draft = draft;
    this.#notify();
  }

  undo() {
    if (!this.canUndo) return false;
    this.#series = null;
    this.#future.push(this.draft);
    this.#take(this.#past.pop());
    return true;
  }

  redo() {
    if (!this.canRedo) return false;
    this.#past.push(this.draft);
    this.#take(this.#future.pop());
    return true;
  }

  /** Sets what is chosen: {shot, chosen, tool, chain}. */
  choose(others) {
    this.#take(this.draft, others);
  }

  /** The keypoint that the next click places: -1 = a new one, null = none is left. */
  get next() {
    const { draft, shot } = this;
    const open = nextOpen(draft, shot);
    if (this.chosen >= 0 && !this.current.marks[this.chosen]) return this.chosen;
    if (open >= 0) return open;
    return isFixed(draft) || draft.shots.length > 1 ? null : -1;
  }

  #take(draft, others = {}) {
    this.draft = draft;
    if (others.tool && others.tool !== this.tool) this.chain = -1;
    Object.assign(this, others);
    this.shot = Math.max(0, Math.min(this.shot, draft.shots.length - 1));
    if (this.chosen >= draft.keypoint_names.length) this.chosen = -1;
    if (this.chain >= draft.keypoint_names.length) this.chain = -1;
    this.#notify();
  }

  #notify() {
    const { draft, shot, tool } = this;
    saveDraft(draft && { draft, shot, tool, past: this.#past.slice(-KEPT_STEPS), future: this.#future.slice(-KEPT_STEPS) });
    this.dispatchEvent(new Event("change"));
  }
}
