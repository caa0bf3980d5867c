// Leafing through the frames of a clip: slider, steps, play.

import { h } from "./dom.js";

export class FrameSlider {
  at = 0;
  #count = 1;
  #playing = false;
  #timer = 0;
  #pause = 0; // milliseconds between frames

  /** onSelect(): another frame is to be shown; `ready()` reports that it is. */
  constructor(root, onSelect) {
    this.root = root;
    this.onSelect = onSelect;
    const button = (text, label, onclick, kind = "icon") =>
      h("button", { type: "button", class: kind, text, title: label, "aria-label": label, onclick });
    this.slider = h("input", { type: "range", min: 0, step: 1, "aria-label": "Frame", oninput: () => this.select(Number(this.slider.value)) });
    this.play = button("Play", "Play", () => this.#toggle(), "");
    this.place = h("span", { class: "number soft" });
    root.append(
      button("‹", "Frame before (←)", () => this.select(this.at - 1)),
      button("›", "Next frame (→)", () => this.select(this.at + 1)),
      this.play,
      this.slider,
      this.place,
    );
  }

  /** Begins with a clip of so many frames. */
  show(count, fps = 10) {
    this.stop();
    this.at = 0;
    this.#count = count;
    this.#pause = 1000 / Math.max(1, fps);
    this.root.hidden = count < 2;
    this.slider.max = String(count - 1);
    this.#paint();
  }

  select(at) {
    const wanted = Math.min(this.#count - 1, Math.max(0, at));
    if (wanted === this.at) return;
    this.at = wanted;
    this.#paint();
    this.onSelect();
  }

  /** The frame is shown with its answer: time for the next one while playing. */
  ready() {
    if (!this.#playing) return;
    if (this.at === this.#count - 1) return this.stop();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#playing && this.select(this.at + 1), this.#pause);
  }

  stop() {
    this.#playing = false;
    this.play.textContent = "Play";
  }

  /** Arrow keys leaf; returns whether the event was one. */
  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || this.root.hidden || event.target.matches("input, select")) return false;
    this.select(this.at + step);
    return true;
  }

  #toggle() {
    if (this.#playing) return this.stop();
    this.#playing = true;
    this.play.textContent = "Stop";
    if (this.at === this.#count - 1) this.select(0);
    else this.ready();
  }

  #paint() {
    this.slider.value = String(this.at);
    this.slider.setAttribute("aria-valuetext", `frame ${this.at + 1} of ${this.#count}`);
    this.place.textContent = `${this.at + 1} / ${this.#count}`;
  }
}
