// An image that is tried out, with the answer; dragging on it says where the object is.

import { api, part } from "./api.js";
import { opensMenu, s } from "./dom.js";
import { ResultLayer } from "./result_layer.js";
import { Stage } from "./stage.js";
import { between } from "./teach_pointer.js";

const SMALLEST = 8; // image pixels on a side of a box that is meant as one

export class TryStage {
  #start = null;
  #image = null;

  /** onBox(box): a box was drawn. onPick(category, index): a keypoint was clicked. */
  constructor(root, { onBox, onPick }) {
    this.stage = new Stage(root);
    this.box = s("rect", { class: "box", visibility: "hidden" });
    this.stage.marks.append(this.box);
    this.layer = new ResultLayer(this.stage, { onPick });
    this.onBox = onBox;
    root.dataset.cursor = "box";
    root.addEventListener("pointerdown", (event) => this.#down(event));
    root.addEventListener("pointermove", (event) => this.#start && this.#draw(this.#boxTo(event)));
    root.addEventListener("pointerup", (event) => this.#up(event));
    root.addEventListener("pointercancel", () => (this.#start = null));
  }

  /** Shows an image of the server, and the box of the object. */
  async load(image, box) {
    if (image !== this.#image) {
      this.#image = image;
      const bitmap = await createImageBitmap(await api.blob(`images/${part(image)}`));
      if (image === this.#image) {
        this.stage.say("");
        this.stage.draw(bitmap, bitmap.width, bitmap.height);
        this.layer.show([], new Map());
      }
      bitmap.close();
    }
    this.#draw(box);
  }

  #down(event) {
    if (!this.stage.width || opensMenu(event) || event.button !== 0 || event.target.closest(".reach")) return;
    this.stage.root.setPointerCapture(event.pointerId);
    this.#start = this.stage.at(event);
  }

  #up(event) {
    if (!this.#start) return;
    const box = this.#boxTo(event);
    this.#start = null;
    if (box.width >= SMALLEST && box.height >= SMALLEST) this.onBox(box);
  }

  #boxTo(event) {
    const { width, height } = this.stage;
    const clip = ({ x, y }) => ({ x: Math.min(width - 0.5, Math.max(-0.5, x)), y: Math.min(height - 0.5, Math.max(-0.5, y)) });
    return between(clip(this.#start), clip(this.stage.at(event)));
  }

  #draw(box) {
    this.box.setAttribute("visibility", box ? "visible" : "hidden");
    if (!box) return;
    const { x, y, width, height } = box;
    for (const [name, value] of Object.entries({ x: x - 0.5, y: y - 0.5, width, height })) this.box.setAttribute(name, value);
    this.box.setAttribute("stroke-width", 1.5 * this.stage.unit);
  }
}
