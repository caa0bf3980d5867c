// The keypoints of a draft: names, order, hidden or not. Rows stay the same elements while one types.

import { addKeypoint, hide, isFixed, isUnsure, removeKeypoint, rename, reorder } from "./draft.js";
import { keypointColor } from "./colors.js";
import { h, nameInput, s, setText } from "./dom.js";
import { announce } from "./messages.js";

export class KeypointList {
  #rows = [];

  constructor(editor) {
    this.editor = editor;
    this.list = h("ol", { class: "keypoints", "aria-label": "Keypoints in order" });
    this.add = h("button", { type: "button", class: "quiet", text: "+ Add a keypoint", onclick: () => this.#add() });
    this.element = h("div", {}, this.list, this.add);
    editor.addEventListener("change", () => this.paint());
    this.paint();
  }

  paint() {
    const { draft, chosen, current } = this.editor;
    const names = draft?.keypoint_names ?? [];
    while (this.#rows.length > names.length) this.#rows.pop().row.remove();
    while (this.#rows.length < names.length) {
      const row = this.#make(this.#rows.length);
      this.#rows.push(row);
      this.list.append(row.row);
    }
    const fixed = !draft || isFixed(draft);
    this.add.hidden = fixed || !current;
    names.forEach((name, i) => {
      const row = this.#rows[i];
      const mark = current?.marks[i];
      if (row.name.value !== name) row.name.value = name;
      row.name.readOnly = fixed;
      row.row.classList.toggle("chosen", i === chosen);
      row.pick.style.setProperty("--dot", keypointColor(i));
      row.pick.classList.toggle("open", !mark?.visible);
      row.pick.classList.toggle("unsure", isUnsure(mark));
      row.pick.setAttribute("aria-pressed", i === chosen);
      row.pick.setAttribute("aria-label", `${name || `keypoint ${i + 1}`}: ${state(mark)}. Choose`);
      setText(row.state, state(mark) === "set" ? "" : state(mark));
      const hidden = mark?.visible === false;
      row.hide.setAttribute("aria-pressed", hidden);
      row.hide.setAttribute("aria-label", `${name}: hidden in this shot`);
      for (const button of [row.up, row.down, row.remove]) button.hidden = fixed;
      row.up.disabled = i === 0;
      row.down.disabled = i === names.length - 1;
      row.up.setAttribute("aria-label", `Move ${name} up`);
      row.down.setAttribute("aria-label", `Move ${name} down`);
      row.remove.setAttribute("aria-label", `Remove ${name}`);
    });
  }

  #make(i) {
    const { editor } = this;
    const button = (text, title, onclick, kind = "quiet icon") =>
      h("button", { type: "button", class: kind, text, title, onclick });
    const pick = button("", "Choose this keypoint", () => this.#choose(i), "pick");
    const name = nameInput({
      list: "name-suggestions",
      "aria-label": `Name of keypoint ${i + 1}`,
      oninput: () => editor.change(rename(editor.draft, i, name.value), { chosen: i }, `name ${i}`),
      onfocus: () => {
        name.select();
        if (editor.chosen !== i) editor.choose({ chosen: i });
      },
      onkeydown: (event) => this.#nameKey(event, i),
    });
    const stateText = h("span", { class: "state soft small" });
    const hideButton = button("", "Hidden in this shot, or not (H)", () => this.toggleHidden(i));
    hideButton.append(eye());
    const up = button("↑", "Move up (Alt ↑)", () => this.#move(i, i - 1));
    const down = button("↓", "Move down (Alt ↓)", () => this.#move(i, i + 1));
    const remove = button("×", "Remove this keypoint", () => {
      editor.change(removeKeypoint(editor.draft, i), { chosen: -1 });
      (this.#rows[Math.min(i, this.#rows.length - 1)]?.name ?? this.add).focus();
    });
    const row = h("li", {}, pick, name, stateText, hideButton, up, down, remove);
    return { row, pick, name, state: stateText, hide: hideButton, up, down, remove };
  }

  #choose(i) {
    this.editor.choose({ chosen: this.editor.chosen === i ? -1 : i });
  }

  toggleHidden(i) {
    const { editor } = this;
    const hidden = editor.current.marks[i]?.visible === false;
    editor.change(hide(editor.draft, editor.shot, i, !hidden), { chosen: i });
    announce(`${editor.draft.keypoint_names[i]} ${hidden ? "has to be set" : "is hidden in this shot"}`);
  }

  /** Enter goes on to the next name, Alt with an arrow moves the keypoint. */
  #nameKey(event, i) {
    if (event.isComposing) return; // Enter is the input method's, as in Japanese
    if (event.key === "Enter") {
      event.preventDefault();
      (this.#rows[i + 1]?.name ?? document.getElementById("register")).focus();
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      this.#move(i, i + (event.key === "ArrowUp" ? -1 : 1));
    }
  }

  #move(from, to) {
    const { editor } = this;
    if (isFixed(editor.draft) || to < 0 || to >= editor.draft.keypoint_names.length) return;
    editor.change(reorder(editor.draft, from, to), { chosen: to });
    this.#rows[to].name.focus();
    announce(`${editor.draft.keypoint_names[to]} is keypoint ${to + 1} now`);
  }

  #add() {
    const draft = addKeypoint(this.editor.draft);
    this.editor.change(draft, { chosen: draft.keypoint_names.length - 1, tool: "point" });
    announce(`${draft.keypoint_names.at(-1)} added; click where it is`);
  }
}

/** An eye; CSS strikes it out where its button is pressed. */
function eye() {
  return s(
    "svg",
    { class: "eye", viewBox: "0 0 20 20", width: 17, height: 17, "aria-hidden": "true" },
    s("path", { d: "M1.5 10C4 5.5 7 4 10 4s6 1.5 8.5 6C16 14.5 13 16 10 16s-6-1.5-8.5-6Z" }),
    s("circle", { cx: 10, cy: 10, r: 2.6 }),
    s("path", { class: "strike", d: "M3 17 17 3" }),
  );
}

function state(mark) {
  if (!mark) return "not set";
  if (!mark.visible) return "hidden";
  if (isUnsure(mark)) return "unsure";
  if (mark.doubtful) return "look again";
  return "set";
}
