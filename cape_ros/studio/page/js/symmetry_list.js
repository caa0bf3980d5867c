// The interchangeable keypoints of a draft, and dialogs that add some.

import { isFixed } from "./draft.js";
import { ask, h, setText } from "./dom.js";
import { cyclesOf, describe, withPairs, withRings } from "./symmetries.js";

export class SymmetryList {
  constructor(editor) {
    this.editor = editor;
    this.list = h("ul", { class: "symmetries" });
    const button = (text, onclick) => h("button", { type: "button", class: "tiny", text, onclick });
    this.adds = h("div", { class: "heading more" }, button("+ Mirror pairs…", () => this.#addPairs()), button("+ Ring…", () => this.#addRings()));
    this.words = h("p", { class: "soft small", text: "Say which keypoints look the same and can change places: then either place is right." });
    this.element = h("details", { class: "interchangeable" }, h("summary", { text: "Interchangeable keypoints" }), this.words, this.list, this.adds);
  }

  paint() {
    const { draft } = this.editor;
    const { symmetries, keypoint_names: names } = draft;
    const fixed = isFixed(draft);
    this.element.hidden = names.length < 2 || (fixed && !symmetries.length);
    this.adds.hidden = fixed;
    this.words.hidden = symmetries.length > 0;
    if (symmetries.length) this.element.open = true;
    this.list.replaceChildren(...symmetries.map((each, i) => this.#item(describe(cyclesOf(each), names), i, fixed)));
  }

  #item(text, i, fixed) {
    const { editor } = this;
    const remove = () => editor.change({ ...editor.draft, symmetries: editor.draft.symmetries.filter((_, at) => at !== i) });
    const button = { type: "button", class: "quiet icon", text: "×", "aria-label": `Remove ${text}`, onclick: remove };
    return h("li", {}, h("span", { text }), fixed ? null : h("button", button));
  }

  async #addPairs() {
    const { editor } = this;
    const names = editor.draft.keypoint_names;
    const words = "Choose two keypoints that change places when the object is mirrored or turned over, then the next two. All pairs change places together.";
    const pairs = await chooseCycles("Mirror pairs", words, names, 2);
    if (pairs.length) this.#set(withPairs(editor.draft.symmetries, names.length, pairs));
  }

  async #addRings() {
    const { editor } = this;
    const names = editor.draft.keypoint_names;
    const words = "Choose the keypoints around the object in their order, as it turns by one step: each takes the place of the next. Keypoints of another ring that turns along follow after Next ring.";
    const rings = await chooseCycles("Ring of keypoints", words, names, Infinity);
    if (rings.length) this.#set(withRings(editor.draft.symmetries, names.length, rings));
  }

  #set(symmetries) {
    this.editor.change({ ...this.editor.draft, symmetries });
  }
}

/** Lets a person choose keypoints in order; resolves to cycles of at most `most` of them. */
async function chooseCycles(title, words, names, most) {
  let cycles = [[]];
  const chosen = h("p", { role: "status" });
  const chips = names.map((name, i) => h("button", { type: "button", class: "tiny", called: name, "aria-pressed": "false", onclick: () => toggle(i) }));
  const next = h("button", { type: "button", class: "tiny", text: "Next ring", hidden: most === 2, onclick: () => (cycles.push([]), paint()) });
  const whole = () => cycles.filter((cycle) => cycle.length > 1);

  function toggle(i) {
    const taken = cycles.flat().includes(i);
    if (taken) cycles = cycles.map((cycle) => cycle.filter((each) => each !== i));
    else cycles.at(-1).push(i);
    if (cycles.at(-1).length === most) cycles.push([]);
    paint();
  }

  function paint() {
    chips.forEach((chip, i) => chip.setAttribute("aria-pressed", cycles.flat().includes(i)));
    next.disabled = cycles.at(-1).length < 2;
    const open = cycles.filter((cycle) => cycle.length === 1).map(([i]) => `${names[i]} …`);
    setText(chosen, [describe(whole(), names), ...open].filter(Boolean).join(", ") || "None chosen yet");
  }

  paint();
  const answer = await ask(title, [words, h("div", { class: "chips" }, ...chips, next), chosen], [
    { label: "Cancel", value: "" },
    { label: "Add", value: "yes", kind: "primary" },
  ]);
  return answer === "yes" ? whole() : [];
}
