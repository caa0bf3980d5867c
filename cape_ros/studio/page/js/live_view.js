// What the camera sees now, and what is found in it.

import { api } from "./api.js";
import { categories } from "./categories.js";
import { DepthLegend } from "./depth_legend.js";
import { byId, h, setText } from "./dom.js";
import { LiveLink } from "./live_link.js";
import { say } from "./messages.js";
import { ResultLayer } from "./result_layer.js";
import { ScoreTable } from "./score_table.js";
import { hearThresholds, legend } from "./scores.js";
import { SpaceLayer } from "./space_layer.js";
import { Stage } from "./stage.js";
import { Why } from "./why.js";

const RATE_OVER = 20; // frames
const NOT_FOUND = 8000; // milliseconds after which a new category that is not found is spoken of

export class LiveView {
  #times = [];
  #watched = null; // {name, since}: a category that was just registered
  #picked = null; // [object, index]
  #has = { space: false, depth: false }; // what the camera can show

  /** camera(): the chosen one's name. teach: a `TeachView`. */
  constructor({ camera, teach }) {
    Object.assign(this, { camera, teach });
    this.stage = new Stage(byId("live-stage"));
    this.layer = new ResultLayer(this.stage, { onPick: (object, index) => this.#pick(object, index) });
    this.space = new SpaceLayer(this.stage, this.layer);
    this.depth = new DepthLegend();
    this.facts = h("dl", { class: "facts number" });
    this.stage.root.append(this.facts);
    byId("legend").before(this.depth.element);
    this.table = new ScoreTable(byId("objects"), {
      pick: (object, index) => this.#pick(object, index),
      point: (object, index) => this.#point(object, index),
      another: (name) => teach.another(categories.get(name)),
    });
    this.why = new Why(byId("why"), () => this.#unpick());
    this.link = new LiveLink();
    this.link.addEventListener("frame", ({ detail }) => this.#frame(detail));
    this.link.addEventListener("state", () => this.#state());
    byId("legend").append(...legend());
    byId("teach-frame").addEventListener("click", () => teach.fromFrame());
    byId("all-names").addEventListener("change", ({ target }) => (this.layer.allNames = target.checked));
    for (const name of ["show-space", "show-depth"]) byId(name).addEventListener("change", () => this.#ask());
    this.stage.addEventListener("view", () => this.#ask());
    document.addEventListener("visibilitychange", () => this.#open());
    this.stage.say("Waiting for a camera …");
  }

  enter() {
    this.shown = true;
    this.#open();
  }

  leave() {
    this.shown = false;
    this.#open();
  }

  /** Shows another camera. */
  reopen() {
    this.link.close();
    this.stage.clear("Waiting for a camera …");
    this.facts.replaceChildren();
    this.table.clear();
    this.#open();
  }

  /** Announces when a category that was just registered is found for the first time. */
  watch(name) {
    this.#watched = { name, since: performance.now() };
  }

  #open() {
    const wanted = this.shown && !document.hidden;
    if (wanted && this.link.state === "closed") this.link.open(this.camera(), this.#wishes);
    if (!wanted) this.link.close();
  }

  get #wishes() {
    const wants = (name) => this.#has[name] && byId(`show-${name}`).checked;
    return { width: this.#pixels(), space: wants("space"), depth: wants("depth") };
  }

  #ask() {
    this.link.ask(this.#wishes);
  }

  /** What the camera can show may change: a depth camera comes, a category gets a shape. */
  #hear({ has_space, has_depth }) {
    this.#has = { space: has_space, depth: has_depth };
    for (const [name, there] of Object.entries(this.#has)) byId(`show-${name}`).parentElement.hidden = !there;
    this.#ask();
  }

  /** How many pixels of the screen the stage is wide. */
  #pixels() {
    return Math.round(this.stage.root.clientWidth * Math.min(2, window.devicePixelRatio || 1)) || 640;
  }

  #state() {
    const { state, reason } = this.link;
    const link = byId("link");
    link.dataset.state = state;
    setText(link, { open: "live", waiting: "connecting", refused: "refused", closed: "" }[state]);
    link.title = reason;
    if (state === "waiting" && reason) this.stage.say(reason);
    if (state === "refused") this.stage.say(reason);
    this.stage.root.classList.toggle("stale", state !== "open");
  }

  #frame({ header, bitmap, received }) {
    categories.heard(header.database_version);
    hearThresholds(header);
    this.#hear(header);
    this.stage.say("");
    this.stage.draw(bitmap, header.width, header.height);
    const wishes = this.#wishes;
    const space = wishes.space ? header.space : null;
    const objects = header.objects.map((object, i) => ({ ...object, space: space?.objects[i] ?? null }));
    this.layer.show(objects, categories);
    this.space.show(objects);
    this.depth.show(header, wishes);
    const now = performance.now();
    this.table.show([...objects, ...absent(header)], categories, now, this.#watched?.name);
    this.#showFacts(header, header.age_ms + now - received, now);
    this.#answerTo(header.objects, now);
  }

  #showFacts({ rate, network_ms, dropped }, age, now) {
    this.#times.push(now);
    if (this.#times.length > RATE_OVER) this.#times.shift();
    const seen = ((this.#times.length - 1) * 1000) / Math.max(1, now - this.#times[0]);
    const facts = [
      ["results", `${rate.toFixed(1)} /s`],
      ["shown", `${seen.toFixed(1)} /s`],
      ["age", `${Math.round(age)} ms`],
      ["network", `${Math.round(network_ms)} ms`],
      ["dropped", String(dropped)],
    ];
    if (this.facts.children.length !== facts.length) {
      this.facts.replaceChildren(...facts.map(([name]) => h("div", {}, h("dt", { text: name }), h("dd"))));
    }
    facts.forEach(([, value], i) => setText(this.facts.children[i].lastChild, value));
  }

  #answerTo(objects, now) {
    if (!this.#watched) return;
    const { name, since } = this.#watched;
    const found = objects.find(({ category, track_id }) => category === name && track_id >= 0);
    if (found) {
      const after = ((now - since) / 1000).toFixed(1);
      say(`${name} is found, score ${found.score.toFixed(2)}, ${after} s after it was registered`, "good");
    } else if (now - since > NOT_FOUND) {
      const shot = { label: "Add a shot", run: () => this.teach.another(categories.get(name)) };
      say(`${name} is not found yet. Is it in view? One more shot may help.`, "", { action: shot });
    } else return;
    this.#watched = null;
  }

  #point(object, index) {
    const [shown, at] = object === null ? (this.#picked ?? [null]) : [object, index];
    this.layer.choose(shown?.key ?? null, at);
  }

  #pick(object, index) {
    const { key, category, track_id } = object;
    this.#picked = [object, index];
    this.layer.choose(key, index);
    this.table.choose(key, index);
    const name = categories.get(category)?.keypoint_names[index] ?? `keypoint ${index + 1}`;
    const request = async () => {
      const { image, objects } = await api.post("freeze", { camera: this.camera() });
      const followed = objects.filter((each) => each.category === category && each.track_id >= 0);
      const seen = followed.find((each) => each.track_id === track_id) ?? followed[0];
      return { image, box: seen?.box ?? null };
    };
    this.why.show(request, { category, index, name });
  }

  #unpick() {
    this.#picked = null;
    this.layer.choose(null);
    this.table.choose(null);
  }
}

/** The categories that are looked for and of which a result has no object, as objects out of view. */
function absent({ objects, active }) {
  const names = active.filter((name) => categories.get(name) && !objects.some(({ category }) => category === name));
  return names.map((name) => {
    const { version, keypoint_names } = categories.get(name);
    const keypoints = keypoint_names.map(() => ({ x: 0, y: 0, score: 0, visibility: 0 }));
    return { category: name, version, track_id: -1, score: 0, keypoints };
  });
}
