// The tool bar above the image in work, and the keys that work wherever the focus is.

import { isFixed } from "./draft.js";
import { h, shortcut } from "./dom.js";

const NAMES = { box: ["Box", "B"], point: ["Point", "P"], connect: ["Connect", "C"] };

export class TeachTools {
  /** actions: predict(), predictAll(), help(). */
  constructor(root, editor, stage, actions) {
    this.editor = editor;
    this.root = root;
    const button = (text, title, onclick, extra = {}) =>
      h("button", { type: "button", text, title, onclick, ...extra });
    this.tools = Object.entries(NAMES).map(([tool, [text, key]]) =>
      button(text, `${text} (${key})`, () => editor.choose({ tool }), { dataset: { tool }, "aria-keyshortcuts": key }),
    );
    this.undo = button("Undo", "Undo (Ctrl Z)", () => editor.undo(), { "aria-keyshortcuts": "Control+Z" });
    this.redo = button("Redo", "Redo (Ctrl Shift Z)", () => editor.redo(), { "aria-keyshortcuts": "Control+Shift+Z" });
    this.predict = button("Predict", "Let the network place the keypoints that have no place yet (R)", actions.predict, { id: "predict" });
    this.predictAll = button("Replace all by prediction", "Overwrite every keypoint of this shot", actions.predictAll, { id: "predict-all" });
    root.append(
      h("div", { class: "group", role: "group", "aria-label": "Tool" }, ...this.tools),
      h("div", { class: "group", role: "group", "aria-label": "History" }, this.undo, this.redo),
      this.predict,
      this.predictAll,
      h("span", { class: "gap" }),
      h(
        "div",
        { class: "group", role: "group", "aria-label": "Zoom" },
        button("−", "Zoom out (-)", () => stage.zoom(1 / 1.5), { class: "icon", "aria-label": "Zoom out" }),
        button("Fit", "Show all (0)", () => stage.fit()),
        button("+", "Zoom in (+)", () => stage.zoom(1.5), { class: "icon", "aria-label": "Zoom in" }),
      ),
      button("?", "Keys", actions.help, { class: "icon", "aria-label": "Keys" }),
    );
    editor.addEventListener("change", () => this.paint());
    this.paint();
  }

  paint() {
    const { editor } = this;
    this.root.hidden = !editor.current;
    for (const tool of this.tools) tool.setAttribute("aria-pressed", tool.dataset.tool === editor.tool);
    this.undo.disabled = !editor.canUndo;
    this.redo.disabled = !editor.canRedo;
    const marks = editor.current?.marks ?? [];
    const others = isFixed(editor.draft ?? {}) || (editor.draft?.shots.length ?? 0) > 1;
    this.predictAll.hidden = !others || !marks.some(Boolean);
  }
}

/** Keys of the teach view; returns whether the event was one of them. */
export function teachKey(event, { editor, stage, keypoints, predict, help }) {
  if (!editor.draft) return false;
  const key = shortcut(event);
  const control = event.ctrlKey || event.metaKey;
  if (control && key === "z") return event.shiftKey ? editor.redo() || true : editor.undo() || true;
  if (control && key === "y") return editor.redo() || true;
  if (control || event.altKey || !editor.current || isTyping(event.target)) return false;
  const tool = Object.keys(NAMES).find((name) => NAMES[name][1].toLowerCase() === key);
  if (tool) editor.choose({ tool });
  else if (key === "+" || key === "=") stage.zoom(1.5);
  else if (key === "-") stage.zoom(1 / 1.5);
  else if (key === "0") stage.fit();
  else if (key === "h" && editor.chosen >= 0) keypoints.toggleHidden(editor.chosen);
  else if (key === "r") predict();
  else if (key === "?") help();
  else return false;
  return true;
}

export const KEYS = [
  ["B, P, C", "box, point, connect"],
  ["Arrows", "move the cross hair, or the keypoint that is held; Shift: ten steps"],
  ["Enter", "set a corner or the next keypoint; take up and put down; connect"],
  ["[, ]", "keypoint before, keypoint after; Page up, Page down too"],
  ["H", "hidden in this shot, or not"],
  ["Delete", "take the held keypoint away"],
  ["Escape", "let go"],
  ["R", "let the network place the keypoints that have no place yet"],
  ["Ctrl Z, Ctrl Shift Z", "undo, redo"],
  ["+, -, 0", "zoom in, zoom out, show all; wheel or pinch too"],
  ["Alt ↑, Alt ↓", "in a name: move the keypoint in the order"],
];

const isTyping = (target) => target.matches("input[type=text], select, textarea");
