// The named frames of a category: a list, and a form that adds or changes one.

import { api, part } from "./api.js";
import { during } from "./busy.js";
import { categories } from "./categories.js";
import { isConflict } from "./conflict.js";
import { ask, h } from "./dom.js";
import { FrameForm } from "./frame_form.js";
import { attempt, say } from "./messages.js";

const EMPTY = { origin: [] };

export class NamedFrames {
  #category = null; // whose frames are listed
  #form = null;
  #edited = ""; // the name of the frame in the form, "" for a new one
  #reasons = new Map(); // why frames have no place, by their names

  /** onPlaces(frames): where the frames would lie, as the server places them; null for those that
   * are registered. */
  constructor(onPlaces) {
    this.onPlaces = onPlaces;
    this.element = h("section", { "aria-label": "Named frames" });
  }

  /** category: as the server sends it. A form in work stays: it is saved onto what it began with. */
  show(category) {
    const goesOn = this.#form && this.#category.name === category.name;
    if (goesOn) return;
    this.#form = null;
    this.#category = category;
    this.#reasons.clear();
    this.#paint();
  }

  /** placed: frames as the server places them. */
  set places(placed) {
    this.#reasons = new Map(placed.map(({ name, reason }) => [name, reason]));
    if (!this.#form) this.#paint();
  }

  #paint() {
    const { frames } = this.#category;
    const form = this.#form && h("li", {}, this.#form.element);
    const items = Object.entries(frames).map(([name, frame]) => (form && name === this.#edited ? form : this.#item(name, frame)));
    if (form && !items.includes(form)) items.push(form);
    const words = "Frames of your own by keypoints, such as where a gripper takes hold; the node publishes them to TF.";
    this.element.replaceChildren(
      h("h3", { text: "Named frames" }),
      items.length ? h("ul", { class: "frames" }, ...items) : h("p", { class: "soft small", text: words }),
      h("p", { hidden: form !== null }, h("button", { type: "button", class: "tiny", text: "Add a frame", onclick: () => this.#edit("", EMPTY) })),
    );
  }

  #item(name, frame) {
    const reason = this.#reasons.get(name);
    const button = (text, label, onclick) => h("button", { type: "button", class: "tiny", text, "aria-label": `${label} ${name}`, disabled: this.#form !== null, onclick });
    return h(
      "li",
      { "aria-label": name },
      h("strong", { called: name }),
      h("span", { class: "gap" }),
      button("Edit", "Edit", () => this.#edit(name, frame)),
      button("Remove", "Remove", ({ currentTarget }) => during(currentTarget, "Removing …", () => this.#remove(name))),
      h("p", { class: "soft small", text: inWords(frame) }),
      reason ? h("p", { class: "small lacking", text: `Not shown: ${reason}` }) : null,
    );
  }

  #edit(name, frame) {
    const category = this.#category;
    this.#edited = name;
    this.#form = new FrameForm({
      names: category.keypoint_names,
      name,
      frame,
      taken: Object.keys(category.frames).filter((each) => each !== name),
      check: (now, changed) => this.#check(renamed(category.frames, name, now, changed)),
      save: (now, changed) => this.#save(category, name, now, changed),
      cancel: () => this.#end(),
    });
    this.#paint();
    this.#form.focus();
    this.#form.element.scrollIntoView({ block: "nearest" });
  }

  async #check(frames) {
    const { faults, frames: placed } = await api.post(`categories/${part(this.#category.name)}/frames/check`, { frames });
    if (this.#form && !faults.length) this.onPlaces(placed);
    return faults;
  }

  /** Resolves to the faults. base: the category that the change is made to. */
  async #save(base, before, name, frame) {
    const frames = renamed(base.frames, before, name, frame);
    try {
      await during(this.#form.submit, "Saving …", () => this.#put(base, frames, `Saved ${name} of ${base.name}`));
      return [];
    } catch (error) {
      if (!error.faults) throw error;
      if (isConflict(error)) return this.#settle(base, before, name, frame);
      if (error.status === 400) return error.faults;
      say(`${name} is not saved: ${error.message}`, "bad", { topic: base.name });
      return [];
    }
  }

  async #remove(name) {
    const category = this.#category;
    const { [name]: _, ...others } = category.frames;
    await attempt(category.name, () => this.#put(category, others, `Removed ${name} of ${category.name}`));
    await categories.refresh().catch(() => undefined);
  }

  async #put(category, frames, words) {
    const path = `categories/${part(category.name)}/frames`;
    const { version } = await api.put(path, { frames, base_version: category.version });
    this.#end();
    const back = () => attempt(category.name, () => this.#put({ ...category, version, frames }, category.frames, `${category.name} has its frames of before`));
    say(`${words}, version ${version}`, "good", { action: { label: "Undo", run: back } });
    await categories.refresh().catch(() => undefined);
  }

  /** Somebody else changed the category: both versions, and the person decides. */
  async #settle(base, before, name, frame) {
    const theirs = await attempt(base.name, () => api.get(`categories/${part(base.name)}`));
    if (!theirs) return [];
    const side = (title, frames) => h("section", { "aria-label": title }, h("h3", { text: title }), ...described(frames));
    const sides = h("div", { class: "sides" }, side(`Theirs: version ${theirs.version}`, theirs.frames), side(`Yours: made from version ${base.version}`, renamed(base.frames, before, name, frame)));
    const answer = await ask(`${base.name} was changed meanwhile`, ["Somebody else changed it after you opened it. Nothing is overwritten yet.", sides], [
      { label: "Go on editing", value: "" },
      { label: "Take theirs", value: "theirs" },
      { label: `Save ${name} onto theirs`, value: "mine", kind: "primary" },
    ]);
    if (answer === "mine") return this.#save(theirs, before, name, frame);
    if (answer === "theirs") this.#end();
    await categories.refresh().catch(() => undefined);
    return [];
  }

  #end() {
    this.#form = null;
    this.onPlaces(null);
    this.#paint();
  }
}

/** Frames with one that was changed, perhaps called otherwise, in its place. */
function renamed(frames, before, name, frame) {
  const entries = Object.entries(frames);
  const at = entries.findIndex(([each]) => each === before);
  entries.splice(at < 0 ? entries.length : at, at < 0 ? 0 : 1, [name, frame]);
  return Object.fromEntries(entries);
}

function inWords({ origin, ...axes }) {
  const along = Object.entries(axes).filter(([, value]) => value);
  return [`origin ${origin.join(", ")}`, ...along.map(([axis, value]) => `${axis} ${value.replace("->", " → ")}`)].join(" · ");
}

function described(frames) {
  const entries = Object.entries(frames);
  return entries.length ? entries.map(([name, frame]) => h("p", { class: "small", text: `${name}: ${inWords(frame)}` })) : [h("p", { class: "soft small", text: "no frames" })];
}
