// The image in work: what marks do to the draft, keys, and words about what comes next.

import { hide, isFixed, place, removeKeypoint, setBox, toggleEdge, addKeypoint, joins } from "./draft.js";
import { shortcut } from "./dom.js";
import { picture } from "./draft_store.js";
import { Loupe } from "./loupe.js";
import { MarkLayer } from "./mark_layer.js";
import { announce, attempt, say } from "./messages.js";
import { Stage } from "./stage.js";
import { between, TeachPointer } from "./teach_pointer.js";

const PICK_UP = 7; // CSS pixels between cross hair and a keypoint that Enter takes up
const SMALLEST_BOX = 4; // image pixels on a side
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class TeachStage {
  crossHair = null; // where the arrow keys work, in image pixels
  #corner = null; // the first corner of a box that is drawn with keys
  #shown = null; // image ID
  #loading = null; // image ID
  #words = "";

  constructor(root, hint, editor) {
    this.editor = editor;
    this.hint = hint;
    this.stage = new Stage(root, { wheel: true });
    this.layer = new MarkLayer(this.stage);
    this.loupe = new Loupe(this.stage);
    this.pointer = new TeachPointer(this);
    this.stage.addEventListener("view", () => this.paint());
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute("aria-label", "Image to mark");
    root.setAttribute("aria-describedby", hint.id);
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("keyup", (event) => event.key === " " && (this.pointer.space = false));
    root.addEventListener("blur", () => (this.pointer.space = false));
    editor.addEventListener("change", () => this.refresh());
  }

  /** Shows the shot in work. */
  async refresh() {
    const shot = this.editor.current;
    const image = shot?.image ?? null;
    if (image !== this.#shown) {
      this.#shown = image;
      this.crossHair = this.#corner = null;
      if (!image) this.stage.clear();
      else await attempt("The image cannot be shown", () => this.#load(shot));
    }
    this.paint();
  }

  /** Words in the middle of the stage; "" for none. */
  say(words) {
    this.#words = words;
    this.stage.say(words || (this.#loading ? "Loading the image …" : ""));
  }

  async #load(shot) {
    this.#loading = shot.image;
    this.say(this.#words);
    try {
      await this.#draw(shot);
    } finally {
      if (this.#loading === shot.image) this.#loading = null;
      this.say(this.#words);
    }
  }

  async #draw(shot) {
    const bitmap = await createImageBitmap(await picture(shot.image));
    if (this.#shown === shot.image) {
      this.stage.draw(bitmap, shot.width, shot.height);
      this.stage.fit();
    }
    bitmap.close();
  }

  /** extra: {box, crossHair, moved} that are shown before they are real. */
  paint(extra = {}) {
    const corner = this.#corner && this.crossHair && between(this.#corner, this.crossHair);
    this.layer.paint(this.editor, { box: corner, crossHair: this.crossHair, ...extra });
    this.stage.root.dataset.tool = this.editor.tool;
    this.hint.textContent = this.editor.current ? this.#hintText() : "";
  }

  /** The visible keypoint within a distance in image pixels of a point, -1 for none; of two in one
   * place the chosen one. */
  nearest(point, within) {
    let [best, at] = [within, -1];
    this.editor.current.marks.forEach((mark, i) => {
      const favour = i === this.editor.chosen ? this.stage.unit : 0;
      const away = mark?.visible ? Math.hypot(mark.x - point.x, mark.y - point.y) - favour : Infinity;
      if (away <= best) [best, at] = [away, i];
    });
    return at;
  }

  setBox(box) {
    const { editor } = this;
    if (box.width < SMALLEST_BOX || box.height < SMALLEST_BOX) {
      say("That box is too small; drag from one corner of the object to the opposite one");
      return;
    }
    editor.change(setBox(editor.draft, editor.shot, box), { tool: "point" });
    announce("Box drawn. Now set the keypoints.");
  }

  /** Sets the next keypoint. hold: arrow keys move it from now on. */
  placeAt(point, { hold }) {
    const { editor } = this;
    if (editor.next === null) {
      say("Every keypoint has its place; drag one to correct it, or add one in the list");
      return;
    }
    const draft = editor.next === -1 ? addKeypoint(editor.draft) : editor.draft;
    const keypoint = editor.next === -1 ? draft.keypoint_names.length - 1 : editor.next;
    editor.change(place(draft, editor.shot, keypoint, point), { chosen: hold ? keypoint : -1 });
    announce(`${draft.keypoint_names[keypoint]} set`);
  }

  /** series: as of `Editor.change`. */
  moveTo(keypoint, point, series = null) {
    const { editor } = this;
    const draft = place(editor.draft, editor.shot, keypoint, this.stage.clamp(point));
    editor.change(draft, { chosen: keypoint }, series);
  }

  /** Joins this keypoint to the one before it in the chain; -1 ends the chain. */
  connect(keypoint) {
    const { editor } = this;
    if (isFixed(editor.draft)) {
      say("The skeleton of a registered object stays as it is; use Edit in the library to change it");
      return;
    }
    if (keypoint < 0 || editor.chain < 0 || keypoint === editor.chain) {
      editor.choose({ chain: keypoint === editor.chain ? -1 : keypoint });
      return;
    }
    const draft = toggleEdge(editor.draft, editor.chain, keypoint);
    const names = [editor.chain, keypoint].map((i) => draft.keypoint_names[i]).join(" and ");
    announce(`${names} ${joins(draft, editor.chain, keypoint) ? "connected" : "parted"}`);
    editor.change(draft, { chain: keypoint });
  }

  /** Takes the chosen keypoint away: from this shot, or altogether from a draft of one shot. */
  remove() {
    const { editor } = this;
    if (editor.chosen < 0) return;
    const whole = !isFixed(editor.draft) && editor.draft.shots.length === 1;
    const draft = whole
      ? removeKeypoint(editor.draft, editor.chosen)
      : hide(editor.draft, editor.shot, editor.chosen, false);
    announce(`${editor.draft.keypoint_names[editor.chosen]} removed`);
    editor.change(draft, { chosen: -1 });
  }

  /** Chooses the keypoint before or after the chosen one. */
  step(by) {
    const { editor } = this;
    const count = editor.draft.keypoint_names.length;
    if (!count) return;
    const chosen = editor.chosen < 0 ? (by > 0 ? 0 : count - 1) : (editor.chosen + by + count) % count;
    editor.choose({ chosen });
    const mark = editor.current?.marks[chosen];
    if (mark?.visible) {
      this.crossHair = { x: mark.x, y: mark.y };
      this.stage.reveal(mark);
    }
    announce(`${editor.draft.keypoint_names[chosen]}, ${mark ? (mark.visible ? where(mark) : "hidden") : "not set"}`);
  }

  #key(event) {
    const { editor } = this;
    if (!editor.current || event.target !== this.stage.root || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) this.#nudge(arrow, event.shiftKey ? 10 : 1);
    else if (event.key === "Enter") this.#enter();
    else if (event.key === "Escape") this.#escape();
    else if (event.key === "Delete" || event.key === "Backspace") this.remove();
    else if (shortcut(event) === "[" || event.key === "PageUp") this.step(-1);
    else if (shortcut(event) === "]" || event.key === "PageDown") this.step(1);
    else if (event.key === " ") this.pointer.space = true;
    else return;
    event.preventDefault();
    this.paint();
  }

  /** Moves the held keypoint or the cross hair by steps of a CSS pixel, at least an image pixel. */
  #nudge([dx, dy], steps) {
    const { editor, stage } = this;
    const far = steps * Math.max(1, Math.round(stage.unit));
    const mark = editor.tool === "point" ? editor.current.marks[editor.chosen] : null;
    const from = (mark?.visible && mark) || this.crossHair || { x: stage.width / 2, y: stage.height / 2 };
    const to = stage.clamp({ x: Math.round(from.x) + dx * far, y: Math.round(from.y) + dy * far });
    if (mark?.visible) this.moveTo(editor.chosen, to, `arrows ${editor.chosen}`);
    this.crossHair = to;
    stage.reveal(to);
    this.loupe.show(to);
    announce(where(to));
  }

  #enter() {
    const { editor, stage } = this;
    this.crossHair ??= { x: Math.round(stage.width / 2), y: Math.round(stage.height / 2) };
    if (editor.tool === "box") {
      if (!this.#corner) {
        this.#corner = this.crossHair;
        announce("First corner set. Move to the opposite corner and press Enter.");
      } else {
        const box = between(this.#corner, this.crossHair);
        this.#corner = null;
        this.setBox(box);
      }
      return;
    }
    const under = this.nearest(this.crossHair, PICK_UP * stage.unit);
    if (editor.tool === "connect") this.connect(under);
    else if (editor.chosen >= 0 && editor.current.marks[editor.chosen]?.visible) {
      announce(`${editor.draft.keypoint_names[editor.chosen]} put down`);
      editor.choose({ chosen: -1 });
    } else if (under >= 0) {
      editor.choose({ chosen: under });
      announce(`${editor.draft.keypoint_names[under]} taken up; arrow keys move it`);
    } else this.placeAt(this.crossHair, { hold: false });
  }

  #escape() {
    this.#corner = null;
    this.crossHair = null;
    this.loupe.hide();
    this.editor.choose({ chosen: -1, chain: -1 });
  }

  #hintText() {
    const { editor } = this;
    const { draft, chosen, tool } = editor;
    const name = draft.keypoint_names[chosen];
    if (tool === "box") {
      if (this.#corner) return "Arrow keys to the opposite corner, then Enter.";
      return "Drag a box around the object, or click its first keypoint at once: then the box is made around the points. Keys: arrows and Enter.";
    }
    if (tool === "connect") {
      const from = draft.keypoint_names[editor.chain];
      return from ? `Click the keypoint to connect with ${from}. Escape ends the chain.` : "Click two keypoints to connect or part them; go on for a chain.";
    }
    if (name && editor.current.marks[chosen]?.doubtful) {
      return `${name} may be marked wrongly: the other shots find it elsewhere. Drag it, or leave it if it is right.`;
    }
    if (name && editor.current.marks[chosen]?.visible) {
      return `${name}: drag it or use the arrow keys (Shift: ten steps). Click elsewhere for the next keypoint.`;
    }
    if (editor.next === null) return "Every keypoint has its place. Drag the ones that are off, then register.";
    if (editor.next === -1) return "Click the next keypoint. Wheel or pinch zooms, Space and drag moves.";
    return `Click where ${draft.keypoint_names[editor.next]} is, or mark it hidden (H).`;
  }
}

const where = ({ x, y }) => `x ${Math.round(x)}, y ${Math.round(y)}`;
