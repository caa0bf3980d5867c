// Objects with their keypoints on a stage. Elements are kept from frame to frame, so that what is
// pointed at stays the same element.

import { isTrusted, scoreColor } from "./colors.js";
import { s, set, setText } from "./dom.js";
import { placeNames } from "./labels.js";

const RADIUS = 5; // CSS pixels
const FONT = 13; // CSS pixels

export class ResultLayer {
  #objects = new Map();
  #shown = [];
  #categories = new Map();
  #chosen = "";
  #allNames = false;

  /** onPick(category, index): a keypoint was clicked. */
  constructor(stage, { onPick = null } = {}) {
    this.stage = stage;
    this.onPick = onPick;
    this.group = s("g", { class: "results" });
    stage.marks.append(this.group);
    stage.addEventListener("view", () => this.#paint());
  }

  /** objects: as the server sends them. categories: get(name) gives names and edges. */
  show(objects, categories) {
    this.#shown = objects.filter((object) => object.keypoints.some(({ score }) => score > 0));
    this.#categories = categories;
    this.#paint();
  }

  /** Marks one keypoint as chosen and shows its name; null for none. */
  choose(category, index) {
    this.#chosen = category === null ? "" : `${category}/${index}`;
    this.#paint();
  }

  set allNames(value) {
    this.#allNames = value;
    this.#paint();
  }

  #paint() {
    const names = new Set(this.#shown.map((object) => object.category));
    for (const [name, drawn] of this.#objects) {
      if (!names.has(name)) {
        drawn.group.remove();
        this.#objects.delete(name);
      }
    }
    for (const object of this.#shown) this.#paintObject(object);
  }

  #paintObject(object) {
    const category = this.#categories.get(object.category);
    const known = category?.keypoint_names.length === object.keypoints.length ? category : null;
    const edges = known?.edges ?? [];
    let drawn = this.#objects.get(object.category);
    if (!drawn || drawn.points.length !== object.keypoints.length || drawn.edges.length !== edges.length) {
      drawn?.group.remove();
      drawn = this.#make(object, edges.length);
      this.#objects.set(object.category, drawn);
    }
    const unit = this.stage.unit;
    const { x, y, width, height } = object.box;
    set(drawn.box, { d: corners(object.box), "stroke-width": 2 * unit });
    setText(drawn.title, `${object.category}  ${object.score.toFixed(2)}`);
    const titleY = y > 18 * unit ? y - 6 * unit : y + Math.min(height, 16 * unit);
    const titleX = Math.max(4 * unit, Math.min(x, x + width));
    set(drawn.title, { x: titleX, y: titleY, "font-size": FONT * unit, "stroke-width": 3 * unit });
    edges.forEach(([start, end], i) => {
      const [a, b] = [object.keypoints[start], object.keypoints[end]];
      const trusted = isTrusted(a) && isTrusted(b);
      set(drawn.edges[i], {
        x1: a.x, y1: a.y, x2: b.x, y2: b.y,
        stroke: scoreColor(Math.min(a.score, b.score)),
        "stroke-width": 2 * unit,
        visibility: trusted ? "visible" : "hidden",
      });
    });
    const names = object.keypoints.map((_, i) => known?.keypoint_names[i] ?? `keypoint ${i + 1}`);
    const places = placeNames(object.keypoints, names, FONT * unit, this.stage);
    object.keypoints.forEach((keypoint, i) => {
      const chosen = `${object.category}/${i}` === this.#chosen;
      this.#paintPoint(drawn.points[i], keypoint, names[i], places[i], chosen);
    });
  }

  #paintPoint(point, keypoint, name, place, chosen) {
    const unit = this.stage.unit;
    const { x, y, score } = keypoint;
    const trusted = isTrusted(keypoint);
    const color = scoreColor(score);
    set(point.group, {
      transform: `translate(${x} ${y})`,
      class: `point${chosen ? " chosen" : ""}${this.#allNames ? " named" : ""}`,
      "data-name": name,
    });
    set(point.reach, { r: 14 * unit });
    set(point.dot, {
      r: (trusted ? RADIUS : RADIUS - 1.5) * unit,
      fill: trusted ? color : "none",
      stroke: trusted ? "#10141a" : color,
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
    const points = object.keypoints.map((_, index) => {
      const reach = s("circle", { class: "reach" });
      const halo = s("circle", { class: "halo" });
      const dot = s("circle");
      const name = s("tspan");
      const score = s("tspan", { class: "point-score" });
      const label = s("text", { class: "point-label" }, name, score);
      const group = s("g", {}, reach, halo, dot, label);
      reach.addEventListener("click", () => this.onPick?.(object.category, index));
      return { group, reach, halo, dot, label, name, score };
    });
    const group = s("g", { "data-category": object.category }, box, title, ...edges);
    group.append(...points.map((point) => point.group));
    this.group.append(group);
    return { group, box, title, edges, points };
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
