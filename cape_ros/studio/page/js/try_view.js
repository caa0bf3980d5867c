// Try-out: a category on an image or a short video; one shot compared with all of them.

import { api } from "./api.js";
import { during } from "./busy.js";
import { categories } from "./categories.js";
import { byId, chooseFiles, field, h } from "./dom.js";
import { isVideo } from "./imports.js";
import { FrameSlider } from "./frame_slider.js";
import { isSeen, tellApart } from "./instances.js";
import { attempt } from "./messages.js";
import { isTrusted, keypointScoreColor, objectScoreColor, objectScoreWords } from "./scores.js";
import { TryStage } from "./try_stage.js";
import { sendFile } from "./uploads.js";
import { Why } from "./why.js";

export class TryView {
  #clip = null; // {name, frames: [image ID]}
  #box = null; // of the object; null = search
  #answers = new Map(); // what was asked -> answer
  #stale = false; // what is shown as the answer belongs to something else
  #working = false;
  #asked = 0; // how many clips; one that is sent late does not replace a later one

  constructor({ camera }) {
    this.camera = camera;
    const onBox = (box) => this.#setBox(box);
    const onPick = (object, index) => this.#pick(index);
    this.all = new TryStage(byId("try-stage"), { onBox, onPick });
    this.one = new TryStage(byId("try-other-stage"), { onBox });
    this.slider = new FrameSlider(byId("leaf"), () => this.#update());
    this.#build(byId("try-side"));
    this.why = new Why(this.whyRoot, () => this.all.layer.choose(null));
    categories.addEventListener("change", () => this.#fillSelects());
    this.#fillSelects();
    this.#paintWhere();
    this.#wait(false);
    this.all.stage.say("Open or drop an image or a short video");
    document.addEventListener("keydown", (event) => {
      if (!byId("view-try").hidden && this.slider.key(event)) event.preventDefault();
    });
  }

  enter() {
    categories.refresh().catch(() => undefined);
  }

  leave() {
    this.slider.stop();
  }

  /** Chooses a category. */
  take(name) {
    this.category.value = name;
    this.#fillShots();
    this.#update();
  }

  async fromFiles([file]) {
    if (!file) return;
    const asked = (this.#asked += 1);
    const send = () => this.#send(file);
    const clip = await (this.openButton.disabled ? send() : during(this.openButton, "Uploading …", send));
    if (clip && asked === this.#asked) this.#show(clip);
  }

  async #send(file) {
    const sent = await sendFile(isVideo(file) ? "videos" : "images", file, typed(file));
    if (!sent) return undefined;
    const { image, video, frames, fps } = sent;
    if (image) return { name: file.name, frames: [image] };
    return { name: file.name, fps, frames: Array.from({ length: frames }, (_, i) => `${video}.${i}`) };
  }

  async #freeze() {
    this.#asked += 1;
    const frozen = await during(this.freezeButton, "Freezing …", () =>
      attempt("The camera cannot be frozen", () => api.post("freeze", { camera: this.camera() })),
    );
    if (frozen) this.#show({ name: frozen.camera, frames: [frozen.image] });
  }

  #show(clip) {
    this.#clip = clip;
    this.#box = null;
    this.#paintWhere();
    this.#answers.clear();
    this.why.close();
    this.slider.show(clip.frames.length, clip.fps);
    this.#update();
  }

  #setBox(box) {
    this.#box = box;
    this.#paintWhere();
    this.#update();
  }

  #build(side) {
    this.category = h("select", { id: "try-category", onchange: () => (this.#fillShots(), this.#update()) });
    this.compare = h("select", { id: "compare", onchange: () => this.#update() });
    this.where = h("span");
    this.search = h("button", { type: "button", class: "tiny", text: "Search again", onclick: () => this.#setBox(null) });
    this.results = h("div", { id: "try-results" });
    this.openButton = h("button", { type: "button", class: "primary", text: "Open image or video…", onclick: async () => this.fromFiles(await chooseFiles("image/*,video/*")) });
    this.freezeButton = h("button", { type: "button", text: "Freeze the camera", onclick: () => this.#freeze() });
    this.working = h("p", { class: "soft small working-note", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), "Estimating …");
    this.empty = h("p", { class: "empty", hidden: true, text: "Register a category first; then it can be tried out here." });
    this.whyRoot = h("div", { class: "why", hidden: true });
    side.append(
      h(
        "div",
        { class: "heading more" },
        this.openButton,
        this.freezeButton,
      ),
      field("Category", this.category),
      field("Compare all shots with", this.compare),
      h("p", { class: "soft small where" }, this.where, this.search),
      this.empty,
      this.whyRoot,
      this.working,
      this.results,
    );
  }

  #fillSelects() {
    const chosen = this.category.value;
    const names = categories.all().map(({ name }) => name);
    this.category.replaceChildren(...names.map((name) => h("option", { value: name, called: name })));
    if (names.includes(chosen)) this.category.value = chosen;
    this.#fillShots();
    this.#update();
  }

  #fillShots() {
    const shots = categories.get(this.category.value)?.shots ?? 0;
    const chosen = this.compare.value;
    const options = [h("option", { value: "", text: "nothing" })];
    if (shots > 1) for (let i = 0; i < shots; i += 1) options.push(h("option", { value: String(i), text: `shot ${i + 1} alone` }));
    this.compare.replaceChildren(...options);
    if (Number(chosen) < shots) this.compare.value = chosen;
    this.compare.disabled = shots < 2;
    this.compare.title = shots < 2 ? "This category has one shot" : "";
  }

  #paintWhere() {
    this.where.textContent = this.#box
      ? "Looks in the box that you drew. "
      : "Searches the whole image. Drag on the image to say where the object is.";
    this.search.hidden = !this.#box;
  }

  /** Shows the image at once and asks the network for what is in it. */
  async #update() {
    const single = this.compare.value;
    byId("try-other").hidden = single === "";
    byId("try-caption").textContent = single === "" ? "" : "All shots";
    byId("try-other-caption").textContent = `Shot ${Number(single) + 1} alone`;
    const image = this.#clip?.frames[this.slider.at];
    if (!image) return;
    const stages = single === "" ? [this.all] : [this.all, this.one];
    this.#stale = true;
    this.#wait(true);
    await attempt("The image cannot be shown", () => Promise.all(stages.map((stage) => stage.load(image, this.#box))));
    if (this.#working) return;
    this.#working = true;
    while (this.#stale) {
      this.#stale = false;
      await this.#answer();
    }
    this.#working = false;
    this.#wait(false);
  }

  /** Shows that the network is asked, and that the answer below is another one's. */
  #wait(waits) {
    this.working.hidden = !waits;
    this.results.classList.toggle("waiting", waits);
    this.results.setAttribute("aria-busy", waits);
  }

  /** What is in the image of now; an answer that is late is not shown. */
  async #answer() {
    const category = categories.get(this.category.value);
    const image = this.#clip.frames[this.slider.at];
    const single = this.compare.value;
    this.empty.hidden = Boolean(category);
    if (!category) return;
    const answers = await attempt("The network does not answer", async () => {
      const all = await this.#estimate(image, category, null);
      if (single === "") return [all, null];
      // In the same box, if there is one: shots are compared, not searches.
      const box = all.object.score > 0 ? all.object.box : this.#box;
      return [all, await this.#estimate(image, category, [Number(single)], box)];
    });
    if (!answers || this.#stale) return;
    const [all, one] = answers;
    this.all.layer.show([all.object], categories);
    this.one.layer.show(one ? [one.object] : [], categories);
    this.results.replaceChildren(table(category, all, one, (index) => this.#pick(index)));
    this.slider.ready();
  }

  async #estimate(image, { name, version }, shots, box = this.#box) {
    const body = { image, category: name, box, shots };
    const key = JSON.stringify([body, version]);
    if (!this.#answers.has(key)) this.#answers.set(key, await api.post("estimate", body));
    return this.#answers.get(key);
  }

  async #pick(index) {
    const category = categories.get(this.category.value);
    const image = this.#clip.frames[this.slider.at];
    const asked = this.#estimate(image, category, null);
    const [{ key }] = tellApart([(await asked).object]);
    this.all.layer.choose(key, index);
    const request = async () => ({ image, box: (await asked).object.box });
    this.why.show(request, { category: category.name, index, name: category.keypoint_names[index] });
  }
}

/** Scores of every keypoint, and how far the answers are apart if there are two. */
function table(category, all, one, pick) {
  const head = ["Keypoint", "Score", ...(one ? ["One shot", "Apart"] : [])];
  const score = (point) => {
    const shape = h("span", { class: isTrusted(point) ? "dot" : "ring" });
    const cell = h("td", { class: "number" }, shape, point.score.toFixed(2));
    shape.style.setProperty("--dot", keypointScoreColor(point.score));
    return cell;
  };
  const rows = category.keypoint_names.map((name, i) => {
    const point = all.object.keypoints[i];
    const other = one?.object.keypoints[i];
    const why = h("button", { type: "button", class: "link-button", called: name, title: "Why here?", onclick: () => pick(i) });
    const row = h("tr", {}, h("th", { scope: "row" }, why), score(point));
    if (other) {
      const apart = Math.hypot(point.x - other.x, point.y - other.y);
      row.append(score(other), h("td", { class: "number", text: `${apart.toFixed(1)} px` }));
    }
    return row;
  });
  const { score: whole } = all.object;
  const state = isSeen(all.object) ? h("span", { class: "tag number scored", title: objectScoreWords(), text: `object ${whole.toFixed(2)}` }) : h("span", { class: "tag", text: "Not found" });
  state.style.setProperty("--dot", objectScoreColor(whole));
  return h(
    "section",
    { "aria-label": "Result" },
    h("p", { class: "number" }, state, ` ${Math.round(all.took_ms)} ms`),
    h("table", { class: "results-table" }, h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col", text })))), h("tbody", {}, ...rows)),
  );
}

function typed(file) {
  return file.type ? file : new Blob([file], { type: "application/octet-stream" });
}
