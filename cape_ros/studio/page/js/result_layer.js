// Objects with their keypoints on a stage. Elements are kept from frame to frame, so that what is
// pointed at stays the same element.

import { s, set, setText } from "./dom.js";
import { isSeen, tellApart } from "./instances.js";
import { placeNames, placeTitles } from "./labels.js";
import { isTrusted, keypointScoreColor } from "./scores.js";

const RADIUS = 5; // CSS pixels
const FONT = 13; // CSS pixels

export class ResultLayer {
  #objects = new Map();
  #shown = [];
  #categories = new Map();
  #chosen = "";
  #allNames = false;
  taken = []; // frames [left, top, right, bottom] of titles and names, for what is drawn beside them

  /** onPick(object, index): a keypoint was clicked; the object as of `tellApart`. */
  constructor(stage, { onPick = null } = {}) {
    this.stage = stage;
    this.onPick = onPick;
    this.group = s("g", { class: "results" });
    stage.marks.append(this.group);
    stage.addEventListener("view", () => this.#paint());
  }

  /** objects: as the server sends them. categories: get(name) gives names and edges. */
  show(objects, categories) {
    this.#shown = tellApart(objects).filter(isSeen);
    this.#categories = categories;
    this.#paint();
  }

  /** Marks one keypoint as chosen and shows its name; null for none. key: of its object. */
  choose(key, index) {
    this.#chosen = key === null ? "" : `${key}/${index}`;
    this.#paint();
  }

  set allNames(value) {
    this.#allNames = value;
    this.#paint();
  }

  #paint() {
    const keys = new Set(this.#shown.map(({ key }) => key));
    for (const [key, drawn] of this.#objects) {
      if (!keys.has(key)) {
        drawn.group.remove();
        this.#objects.delete(key);
      }
    }
    this.taken = [];
    if (!this.#shown.length) return;
    const size = FONT * this.stage.unit;
    const points = this.#shown.flatMap(({ keypoints }) => keypoints);
    const titles = this.#shown.map(({ name, score, predicted }) => `${name}  ${predicted ? "predicted" : score.toFixed(2)}`);
    const frames = placeTitles(this.#shown.map(({ box }) => box), titles, points.filter(isTrusted), size, this.stage);
    const names = this.#shown.map((object) => this.#namesOf(object));
    const places = placeNames(points, names.flat(), size, this.stage, frames);
    this.taken = this.#allNames ? [...frames, ...places.map(({ frame }) => frame)] : frames;
    this.#shown.forEach((object, i) => {
      const drawn = this.#paintObject(object, names[i], places.splice(0, names[i].length));
      setText(drawn.title, titles[i]);
      set(drawn.title, { x: frames[i][0], y: frames[i][1] + size, fill: object.color, "font-size": size, "stroke-width": 3 * this.stage.unit });
    });
  }

  /** The category of an object, null if it is gone or has other keypoints by now. */
  #categoryOf({ category, keypoints }) {
    const known = this.#categories.get(category);
    return known?.keypoint_names.length === keypoints.length ? known : null;
  }

  #namesOf(object) {
    const known = this.#categoryOf(object);
    return object.keypoints.map((_, i) => known?.keypoint_names[i] ?? `keypoint ${i + 1}`);
  }

  #paintObject(object, names, places) {
    const edges = this.#categoryOf(object)?.edges ?? [];
    let drawn = this.#objects.get(object.key);
    if (!drawn || drawn.points.length !== object.keypoints.length || drawn.edges.length !== edges.length) {
      drawn?.group.remove();
      drawn = this.#make(object, edges.length);
      this.#objects.set(object.key, drawn);
    }
    drawn.object = object;
    const unit = this.stage.unit;
    set(drawn.group, { class: object.predicted ? "predicted" : "" });
    set(drawn.box, {
      d: corners(object.box),
      stroke: object.color,
      "stroke-width": 2 * unit,
      "stroke-dasharray": object.predicted ? `${5 * unit} ${4 * unit}` : "none",
    });
    edges.forEach(([start, end], i) => {
      const [a, b] = [object.keypoints[start], object.keypoints[end]];
      const trusted = isTrusted(a) && isTrusted(b);
      set(drawn.edges[i], {
        x1: a.x, y1: a.y, x2: b.x, y2: b.y,
        stroke: keypointScoreColor(Math.min(a.score, b.score)),
        "stroke-width": 2 * unit,
        visibility: trusted ? "visible" : "hidden",
      });
    });
    const rim = this.#shown.length > 1 ? object.color : "#10141a";
    object.keypoints.forEach((keypoint, i) => {
      const chosen = `${object.key}/${i}` === this.#chosen;
      this.#paintPoint(drawn.points[i], keypoint, names[i], places[i], chosen, rim);
    });
    return drawn;
  }

  /** rim: the colour around a trusted point, that of its object where there are several. */
  #paintPoint(point, keypoint, name, place, chosen, rim) {
    const unit = this.stage.unit;
    const { x, y, score } = keypoint;
    const trusted = isTrusted(keypoint);
    const color = keypointScoreColor(score);
    set(point.group, {
      transform: `translate(${x} ${y})`,
      class: `point${chosen ? " chosen" : ""}${this.#allNames ? " named" : ""}`,
      "data-name": name,
    });
    set(point.reach, { r: 14 * unit });
    set(point.dot, {
      r: (trusted ? RADIUS : RADIUS - 1.5) * unit,
      fill: trusted ? color : "none",
      stroke: trusted ? rim : color,
      "stroke-width": 1.6 * unit,
    });
    set(point.halo, { r: 10 * unit, "stroke-width": 2 * unit });
    setText(point.name, name);
    setText(point.score, ` ${score.toFixed(2)}`);
    set(point.label, {
      x: place.x,
      y: place.y,
      "text-anchor": place.anchor,
      "font-size": FONT * unit,
      "stroke-width": 3 * unit,
    });
  }

  #make(object, edgeCount) {
    const box = s("path", { class: "object-box" });
    const title = s("text", { class: "object-title" });
    const edges = Array.from({ length: edgeCount }, () => s("line", { class: "edge" }));
    const made = {};
    const points = object.keypoints.map((_, index) => {
      const reach = s("circle", { class: "reach" });
      const halo = s("circle", { class: "halo" });
      const dot = s("circle");
      const name = s("tspan");
      const score = s("tspan", { class: "point-score" });
      const label = s("text", { class: "point-label" }, name, score);
      const group = s("g", {}, reach, halo, dot, label);
      reach.addEventListener("click", () => this.onPick?.(made.object, index));
      return { group, reach, halo, dot, label, name, score };
    });
    const group = s("g", { "data-category": object.category }, box, title, ...edges);
    group.append(...points.map((point) => point.group));
    this.group.append(group);
    return Object.assign(made, { group, box, title, edges, points });
  }
}

/** The four corners of a box as a path: a whole frame would hide more than it shows. */
function corners(box) {
  const { width, height } = box;
  const [x, y] = [box.x - 0.5, box.y - 0.5]; // its edge: a pixel's centre lies on whole numbers
  const arm = 0.18 * Math.min(width, height);
  const corner = (left, top, across, down) => `M${left + across} ${top}H${left}V${top + down}`;
  return (
    corner(x, y, arm, arm) +
    corner(x + width, y, -arm, arm) +
    corner(x, y + height, arm, -arm) +
    corner(x + width, y + height, -arm, -arm)
  );
}
