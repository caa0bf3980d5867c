// What the colours of the depth image mean, below the live image; or why there is none.

import { h, set, setText } from "./dom.js";
import { inMetres } from "./orbit.js";

export class DepthLegend {
  constructor() {
    this.near = h("span", { class: "number" });
    this.far = h("span", { class: "number" });
    this.ramp = h("span", { class: "ramp", role: "img" });
    this.scale = h("span", { class: "depth-scale" }, this.near, this.ramp, this.far);
    this.words = h("span");
    this.element = h("div", { class: "depth-legend", hidden: true }, this.scale, this.words);
  }

  /** header: of a frame. wishes: {space, depth} that were asked for. */
  show({ space, depth }, wishes) {
    const trouble = space?.trouble ?? "";
    const words = trouble || (wishes.depth && space && !depth ? "no depth image of this moment" : "");
    const scale = wishes.depth ? depth : null;
    this.element.hidden = !words && !scale;
    this.scale.hidden = !scale;
    setText(this.words, words);
    if (!scale) return;
    setText(this.near, inMetres(scale.near, 1));
    setText(this.far, inMetres(scale.far, 1));
    this.ramp.style.background = `linear-gradient(90deg, ${scale.colors.join(", ")})`;
    set(this.ramp, { "aria-label": `colours from ${inMetres(scale.near, 1)} to ${inMetres(scale.far, 1)}; black is not measured` });
  }
}
