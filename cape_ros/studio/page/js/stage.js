// An image that fills a part of the page, and marks in its pixels. It can be zoomed and moved.

import { h, s, set } from "./dom.js";

const CLOSEST = 24; // CSS pixels an image pixel may become

export class Stage extends EventTarget {
  /** root: an empty element. Fires "view" whenever the visible part changes. */
  constructor(root, { wheel = false } = {}) {
    super();
    this.root = root;
    this.width = 0;
    this.height = 0;
    this.unit = 1; // image pixels in a CSS pixel
    this.picture = h("canvas", { class: "picture" });
    this.marks = s("g");
    this.svg = s("svg", { class: "marks", translate: "no", "aria-hidden": "true" }, this.marks);
    this.note = h("p", { class: "stage-note" });
    root.append(this.picture, this.svg, this.note);
    this.#view = { zoom: 1, x: 0, y: 0 };
    new ResizeObserver(() => this.#place()).observe(root);
    if (wheel) root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #view;

  /** Draws a bitmap that stands for width x height image pixels. */
  draw(bitmap, width, height) {
    if (this.picture.width !== bitmap.width || this.picture.height !== bitmap.height) {
      this.picture.width = bitmap.width;
      this.picture.height = bitmap.height;
    }
    this.picture.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
    this.setSize(width, height);
  }

  setSize(width, height) {
    if (width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    this.root.classList.toggle("filled", width > 0);
    this.root.style.aspectRatio = width ? `${width} / ${height}` : "";
    this.fit();
  }

  clear(words = "") {
    this.setSize(0, 0);
    this.picture.width = this.picture.height = 1;
    this.say(words);
  }

  /** Words in the middle of the stage; "" for none. */
  say(words) {
    this.note.textContent = words;
    this.note.hidden = !words;
  }

  fit() {
    this.#view = { zoom: 1, x: this.width / 2, y: this.height / 2 };
    this.#place();
  }

  /** Zooms by a factor and keeps the point of the image {x, y} where it is. */
  zoom(factor, point = { x: this.#view.x, y: this.#view.y }) {
    const before = this.#view.zoom;
    const most = Math.max(1, CLOSEST * this.#fitted());
    const after = Math.min(most, Math.max(1, before * factor));
    const kept = before / after;
    this.#view = {
      zoom: after,
      x: point.x + (this.#view.x - point.x) * kept,
      y: point.y + (this.#view.y - point.y) * kept,
    };
    this.#place();
  }

  /** Moves the view by CSS pixels. */
  pan(dx, dy) {
    this.#view.x -= dx * this.unit;
    this.#view.y -= dy * this.unit;
    this.#place();
  }

  /** Moves the view just so far that the point {x, y} is seen. */
  reveal({ x, y }) {
    const reachX = (this.root.clientWidth * this.unit) / 2.4;
    const reachY = (this.root.clientHeight * this.unit) / 2.4;
    this.#view.x = Math.min(x + reachX, Math.max(x - reachX, this.#view.x));
    this.#view.y = Math.min(y + reachY, Math.max(y - reachY, this.#view.y));
    this.#place();
  }

  /** A pointer event's place in image pixels, the centre of the top-left pixel being 0, 0. */
  at(event) {
    const frame = this.root.getBoundingClientRect();
    return {
      x: (event.clientX - frame.left - frame.width / 2) * this.unit + this.#view.x - 0.5,
      y: (event.clientY - frame.top - frame.height / 2) * this.unit + this.#view.y - 0.5,
    };
  }

  /** Where an image point lies on the page, in CSS pixels. */
  onPage({ x, y }) {
    const frame = this.root.getBoundingClientRect();
    return {
      x: frame.left + frame.width / 2 + (x + 0.5 - this.#view.x) / this.unit,
      y: frame.top + frame.height / 2 + (y + 0.5 - this.#view.y) / this.unit,
    };
  }

  inside({ x, y }) {
    return x >= -0.5 && y >= -0.5 && x <= this.width - 0.5 && y <= this.height - 0.5;
  }

  clamp({ x, y }) {
    return {
      x: Math.min(this.width - 1, Math.max(0, x)),
      y: Math.min(this.height - 1, Math.max(0, y)),
    };
  }

  /** Image pixels in a CSS pixel while all of the image is seen. */
  #fitted() {
    const { clientWidth, clientHeight } = this.root;
    return Math.max(this.width / Math.max(1, clientWidth), this.height / Math.max(1, clientHeight));
  }

  #place() {
    const { clientWidth: w, clientHeight: hgt } = this.root;
    if (!this.width || !w || !hgt) return;
    const view = this.#view;
    this.unit = this.#fitted() / view.zoom;
    const seenX = Math.min(this.width, w * this.unit);
    const seenY = Math.min(this.height, hgt * this.unit);
    view.x = Math.min(this.width - seenX / 2, Math.max(seenX / 2, view.x));
    view.y = Math.min(this.height - seenY / 2, Math.max(seenY / 2, view.y));
    const left = view.x - (w * this.unit) / 2;
    const top = view.y - (hgt * this.unit) / 2;
    const { style } = this.picture;
    style.width = `${this.width / this.unit}px`;
    style.height = `${this.height / this.unit}px`;
    style.transform = `translate(${-left / this.unit}px, ${-top / this.unit}px)`;
    this.picture.classList.toggle("coarse", this.unit < 0.25);
    set(this.svg, { viewBox: `${left - 0.5} ${top - 0.5} ${w * this.unit} ${hgt * this.unit}` });
    this.dispatchEvent(new Event("view"));
  }

  #wheel(event) {
    if (!this.width) return;
    event.preventDefault();
    this.zoom(1.0015 ** -event.deltaY, this.at(event));
  }
}
