// One named frame of a category as a form: a name, the keypoints of its origin, and its axes.

import { field, h, nameInput, set, setText } from "./dom.js";

const AXES = ["x", "y", "z"];
const ARROW = "->";
const DIRECTIONS = { approach: "approach: away from the camera", down: "down: gravity" };
const KEYPOINT = "keypoint "; // before the values of options that are keypoints
const PATIENCE = 200; // milliseconds between the last change and its check

export class FrameForm {
  #timer = 0;
  #tried = false; // to save it; until then nobody is told what is not filled in yet

  /** names: of the keypoints. name, frame: what it begins with, as the server sends it. taken: names
   * of other frames. check(name, frame): resolves to the server's faults of this frame.
   * save(name, frame): resolves to the same, empty if it is done. cancel(). */
  constructor({ names, name, frame, taken, check, save, cancel }) {
    Object.assign(this, { names, taken, check, save });
    this.name = nameInput({ id: "frame-name", value: name });
    this.origin = names.map((each) => chip(each, frame.origin.includes(each)));
    this.axes = AXES.map((axis) => new AxisField(axis, names, frame[axis] ?? ""));
    this.notes = Object.fromEntries(["name", "origin", "axes", ""].map((key) => [key, h("p", { class: "refused small", role: "alert", id: `fault-${key || "frame"}` })]));
    const origin = h("div", { class: "chips", role: "group", "aria-labelledby": "origin-title", "aria-describedby": "fault-origin" }, ...this.origin);
    this.submit = h("button", { type: "submit", class: "primary", text: "Save the frame" });
    this.element = h(
      "form",
      { class: "frame-form", "aria-label": name ? `Frame ${name}` : "New frame", novalidate: true },
      field("Name of the frame", this.name),
      this.notes.name,
      h("p", { class: "soft small", id: "origin-title", text: "Origin: in the middle of" }),
      origin,
      this.notes.origin,
      h("p", { class: "soft small", text: "One or two axes; one between keypoints is exact." }),
      ...this.axes.map((axis) => axis.element),
      this.notes.axes,
      this.notes[""],
      h("div", { class: "answers" }, h("button", { type: "button", text: "Cancel", onclick: cancel }), this.submit),
    );
    this.element.addEventListener("input", () => this.#changed());
    for (const each of this.origin) each.addEventListener("click", () => this.#changed());
    this.element.addEventListener("submit", (event) => this.#save(event));
    this.#changed();
  }

  focus() {
    this.name.focus();
  }

  get #value() {
    const origin = this.origin.filter((each) => each.getAttribute("aria-pressed") === "true").map((each) => each.textContent);
    const axes = this.axes.filter(({ value }) => value).map(({ axis, value }) => [axis, value]);
    return [this.name.value.trim(), { origin, ...Object.fromEntries(axes) }];
  }

  #changed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const [name, frame] = this.#value;
      const own = this.#ownFaults(name);
      const faults = own.length ? own : await this.check(name, frame).catch(() => []);
      this.#show(faults);
    }, PATIENCE);
  }

  async #save(event) {
    event.preventDefault();
    clearTimeout(this.#timer);
    this.#tried = true;
    const [name, frame] = this.#value;
    const own = this.#ownFaults(name);
    this.#show(own.length ? own : await this.save(name, frame));
    this.element.querySelector("[aria-invalid=true]")?.focus();
  }

  /** What the server does not know of: the other frames, and what is half chosen. */
  #ownFaults(name) {
    const faults = [];
    if (!name) faults.push({ field: "name", reason: "give it a name, such as grasp", code: "missing" });
    else if (this.taken.includes(name)) faults.push({ field: "name", reason: `${name} is there already`, code: "duplicate" });
    for (const { axis, isOpen } of this.axes) {
      if (isOpen) faults.push({ field: axis, reason: "choose the keypoint that it points to", code: "missing" });
    }
    return faults;
  }

  /** faults: as the server sends them, or with the name of a field alone. */
  #show(faults) {
    const name = this.#value[0];
    const texts = { name: [], origin: [], axes: [], "": [] };
    const wrong = new Set();
    for (const { field: path, reason, code } of faults) {
      if (code === "missing" && !this.#tried) continue;
      const where = path === "frames" ? "name" : path.startsWith(`frames.${name}`) ? path.slice(`frames.${name}`.length).replace(/^\./, "") || "axes" : path;
      const key = where.replace(/\[.*/, "");
      wrong.add(key);
      if (AXES.includes(key)) texts.axes.push(`${key} ${reason}`);
      else (texts[key] ?? texts[""]).push(reason);
    }
    for (const [key, note] of Object.entries(this.notes)) {
      setText(note, texts[key].join("; "));
      note.hidden = !texts[key].length;
    }
    set(this.name, { "aria-invalid": wrong.has("name"), "aria-describedby": "fault-name" });
    for (const axis of this.axes) axis.invalid = wrong.has(axis.axis) || wrong.has("axes");
  }
}

/** Where an axis points: nowhere in particular, along a direction, or from a keypoint to another. */
class AxisField {
  constructor(axis, names, value) {
    this.axis = axis;
    const [from, to] = ends(value, names);
    const keypoint = (name) => h("option", { value: KEYPOINT + name, called: name });
    this.from = h(
      "select",
      { "aria-label": `${axis} from`, "aria-describedby": "fault-axes" },
      h("option", { value: "", text: "not given" }),
      ...Object.entries(DIRECTIONS).map(([each, text]) => h("option", { value: each, text })),
      h("optgroup", { label: "from the keypoint" }, ...names.map(keypoint)),
    );
    this.to = h("select", { "aria-label": `${axis} to`, "aria-describedby": "fault-axes" }, h("option", { value: "", text: "choose …" }), ...names.map(keypoint));
    this.from.value = from ? KEYPOINT + from : value;
    this.to.value = to ? KEYPOINT + to : "";
    this.arrow = h("span", { text: "→", "aria-hidden": "true" });
    this.element = h("div", { class: "axis-field" }, h("span", { class: `axis-letter ${axis}`, text: axis }), this.from, this.arrow, this.to);
    this.from.addEventListener("input", () => this.#paint());
    this.#paint();
  }

  /** As annotation files have it, "" for none. */
  get value() {
    const { from, to } = this;
    return this.#isPair ? from.value.slice(KEYPOINT.length) + ARROW + to.value.slice(KEYPOINT.length) : from.value;
  }

  get isOpen() {
    return this.#isPair && !this.to.value;
  }

  set invalid(value) {
    for (const each of [this.from, this.to]) set(each, { "aria-invalid": value });
  }

  get #isPair() {
    return this.from.value.startsWith(KEYPOINT);
  }

  #paint() {
    this.arrow.hidden = this.to.hidden = !this.#isPair;
    this.element.classList.toggle("pair", this.#isPair);
  }
}

/** The two keypoints of an axis, [] of a direction; names of keypoints may hold arrows. */
function ends(value, names) {
  const parts = value.split(ARROW);
  const pairs = parts.slice(1).map((_, i) => [parts.slice(0, i + 1).join(ARROW), parts.slice(i + 1).join(ARROW)]);
  return pairs.find((pair) => pair.every((end) => names.includes(end))) ?? [];
}

function chip(text, pressed) {
  const button = h("button", { type: "button", class: "tiny", text, "aria-pressed": String(pressed) });
  button.addEventListener("click", () => set(button, { "aria-pressed": button.getAttribute("aria-pressed") !== "true" }));
  return button;
}
