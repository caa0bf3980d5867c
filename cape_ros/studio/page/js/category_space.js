// What is known of a category in space: its shape, its named frames.

import { api, part } from "./api.js";
import { h } from "./dom.js";
import { NamedFrames } from "./named_frames.js";
import { ShapeView } from "./shape_view.js";

const NO_SHAPE = "It has no shape yet: add a shot from a camera with a depth image, or shots from two sides or more with a calibrated camera.";

/** Kept while a category is shown anew, so that neither its view nor a form in work is lost. */
export class CategorySpace {
  #name = "";
  #version = 0;
  #placed = []; // frames that are registered

  constructor() {
    this.view = new ShapeView();
    this.frames = new NamedFrames((placed) => (this.view.frames = placed ?? this.#placed));
    this.none = h("p", { class: "soft small", text: NO_SHAPE, hidden: true });
    this.view.element.hidden = true;
    this.element = h("section", { "aria-label": "In space" }, h("h3", { text: "In space" }), this.none, this.view.element, this.frames.element);
  }

  /** category: as the server sends it. */
  async show(category) {
    const { name, version } = category;
    if (name !== this.#name) this.view.element.hidden = this.none.hidden = true;
    this.#name = name;
    this.#version = version;
    this.frames.show(category);
    const shape = await api.get(`categories/${part(name)}/shape`).catch(() => undefined);
    if (shape === undefined || name !== this.#name || version !== this.#version) return;
    this.#placed = shape?.frames ?? [];
    this.none.hidden = shape !== null;
    this.view.element.hidden = shape === null;
    if (shape) this.view.show(shape, category);
    this.frames.places = this.#placed;
  }
}
