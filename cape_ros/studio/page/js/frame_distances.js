// The frames of an object in the live view's list, each with its distance or why it has none.

import { h, setText } from "./dom.js";
import { inMetres } from "./orbit.js";

export class FrameDistances {
  #names = "";

  constructor() {
    this.element = h("ul", { class: "frame-distances small", hidden: true });
  }

  /** space: of an object as the server sends it, null if nothing is known. */
  show(space) {
    const rows = space ? rowsOf(space) : [];
    this.element.hidden = !rows.length;
    const names = rows.map(({ label }) => label).join("\n");
    if (names !== this.#names) {
      this.#names = names;
      this.element.replaceChildren(...rows.map(({ label, named }) => h("li", {}, h("span", { class: named ? "frame-label" : "", text: label }), h("span", { class: "number" }))));
    }
    rows.forEach(({ distance, reason }, i) => {
      const value = this.element.children[i].lastChild;
      setText(value, distance === null ? reason : inMetres(distance));
      value.classList.toggle("soft", distance === null);
    });
  }
}

/** The object's own frame, or how far its keypoints are and why it has none; then the named ones. */
function rowsOf({ distance, frames: [own, ...named] }) {
  const pose = { ...own, label: "pose" };
  const first = own.origin ? [pose] : [{ label: "distance", distance, reason: "no keypoint has depth" }, pose];
  return [...first, ...named.map((frame) => ({ ...frame, label: frame.name, named: true }))];
}
