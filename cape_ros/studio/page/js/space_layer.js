// Objects in space over the live image: the axes of their frames, and where their keypoints are.

import { s } from "./dom.js";
import { placeNames } from "./labels.js";
import { inMetres } from "./orbit.js";

const AXES = ["x", "y", "z"];
const FONT = 12.5; // CSS pixels
const HALF = 3.6; // CSS pixels of a point's mark

export class SpaceLayer {
  #objects = [];

  /** results: the `ResultLayer` whose names are not covered. */
  constructor(stage, results) {
    Object.assign(this, { stage, results });
    this.group = s("g", { class: "space" });
    stage.marks.append(this.group);
    stage.addEventListener("view", () => this.#paint());
  }

  /** objects: of a result, each with `space` as the server sends it, or null. */
  show(objects) {
    this.#objects = objects.filter(({ space }) => space);
    this.#paint();
  }

  #paint() {
    const { unit } = this.stage;
    const points = this.#objects.flatMap(({ space }) => space.keypoints).filter(({ x }) => x !== null);
    const frames = this.#objects.flatMap(({ category, space }) =>
      space.frames.filter(({ origin }) => origin).map((frame) => ({ ...frame, category })),
    );
    const size = FONT * unit;
    const near = points.map(({ x, y }) => [x - size / 2, y - size / 2, x + size / 2, y + size / 2]);
    const named = frames.filter(({ name }) => name);
    const texts = named.map(({ name, distance }) => `${name} ${inMetres(distance)}`);
    const places = placeNames(named.map(({ origin: [x, y] }) => ({ x, y })), texts, size, this.stage, [...near, ...this.results.taken]);
    this.group.replaceChildren(
      ...frames.flatMap((frame) => axes(frame, unit)),
      ...points.map((point) => mark(point, HALF * unit, unit)),
      ...named.flatMap(({ origin: [x, y] }, i) => (places[i].free ? [label({ x, y }, places[i], texts[i], size, unit)] : [])),
    );
  }
}

function axes({ name, category, origin: [x1, y1], axes: ends }, unit) {
  const width = (name ? 3 : 2) * unit;
  const lines = ends.map(([x2, y2], i) => ({ class: `axis ${AXES[i]}`, x1, y1, x2, y2 }));
  const place = name ? { "data-frame": name } : { "data-object": category };
  return [
    ...lines.map((each) => s("line", { ...each, class: "axis-under", "stroke-width": width + 2 * unit })),
    ...lines.map((each) => s("line", { ...each, ...place, "stroke-width": width })),
  ];
}

/** A diamond, filled where depth was measured; hollow where only the object's pose tells. */
function mark({ x, y, measured }, half, unit) {
  const d = `M${x - half} ${y}L${x} ${y - half}L${x + half} ${y}L${x} ${y + half}Z`;
  return s("path", { class: measured ? "place measured" : "place", d, "stroke-width": 1.2 * unit });
}

function label(origin, { x, y, anchor }, text, size, unit) {
  const place = { x: origin.x + x, y: origin.y + y, "text-anchor": anchor };
  return s("text", { class: "frame-name", ...place, "font-size": size, "stroke-width": 3 * unit, text });
}
