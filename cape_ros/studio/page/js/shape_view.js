// The keypoints and named frames of a category in space, to be looked at from all sides.

import { keypointColor } from "./colors.js";
import { h, opensMenu, s, set } from "./dom.js";
import { placeNames } from "./labels.js";
import { bounds, inWords, projection, scaleBar, turned, zoomed } from "./orbit.js";

const PER_PIXEL = 0.01; // radians that a drag turns
const PER_KEY = Math.PI / 18;
const FONT = 12; // pixels
const SHARE = 0.85; // of the view that the object fills: names stand around it
const AXIS = 0.45; // of the object's radius
const LONGEST_BAR = 90; // pixels
const SAID = "Drag or arrow keys turn it, wheel or + − zoom, 0 shows it as in its first shot.";

const AXES = ["x", "y", "z"];

export class ShapeView {
  #shape = null;
  #view = null;
  #pointers = new Map();

  constructor() {
    this.svg = s("svg", { class: "marks", translate: "no", "aria-hidden": "true" });
    this.root = h("div", { class: "stage shape-view", role: "application", tabindex: 0 }, this.svg);
    this.caption = h("p", { class: "soft small" });
    this.element = h("div", { class: "shape" }, this.root, this.caption);
    const { root } = this;
    root.addEventListener("pointerdown", (event) => this.#down(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) root.addEventListener(name, ({ pointerId }) => this.#pointers.delete(pointerId));
    root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    root.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#paint()).observe(root);
  }

  /** shape: as the server sends it. category: its names and edges. */
  show(shape, category) {
    const other = category.name !== this.#shape?.name;
    this.#shape = { ...shape, ...category, frames: shape.frames };
    if (other) this.#reset();
    this.#say();
    this.#paint();
  }

  /** Shows other named frames, as the server places them. */
  set frames(frames) {
    if (!this.#shape) return;
    this.#shape.frames = frames;
    this.#paint();
  }

  #reset() {
    this.#view = { rotation: this.#shape.view, zoom: 1 };
  }

  #turn(right, down) {
    this.#view = turned(this.#view, right, down);
    this.#paint();
  }

  #zoom(factor) {
    this.#view = zoomed(this.#view, factor);
    this.#paint();
  }

  #down(event) {
    if (opensMenu(event)) return; // of which not every browser tells the end
    this.root.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event);
  }

  /** One pointer turns, two zoom by their distance. */
  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const other = [...this.#pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    this.#pointers.set(event.pointerId, event);
    const away = ({ clientX, clientY }) => Math.hypot(clientX - other.clientX, clientY - other.clientY);
    if (other) this.#zoom(away(event) / Math.max(1, away(before)));
    else this.#turn((event.clientX - before.clientX) * PER_PIXEL, (event.clientY - before.clientY) * PER_PIXEL);
  }

  #wheel(event) {
    event.preventDefault();
    this.#zoom(1.0015 ** -event.deltaY);
  }

  #key(event) {
    const act = {
      ArrowLeft: () => this.#turn(-PER_KEY, 0),
      ArrowRight: () => this.#turn(PER_KEY, 0),
      ArrowUp: () => this.#turn(0, -PER_KEY),
      ArrowDown: () => this.#turn(0, PER_KEY),
      "+": () => this.#zoom(1.2),
      "=": () => this.#zoom(1.2),
      "-": () => this.#zoom(1 / 1.2),
      0: () => (this.#reset(), this.#paint()),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  #say() {
    const { points, keypoint_names: names, metric, name } = this.#shape;
    const known = points.filter(Boolean);
    const size = [0, 1, 2].map((i) => Math.max(...known.map((point) => point[i])) - Math.min(...known.map((point) => point[i])));
    const extent = metric ? `, ${size.map((each) => (100 * each).toFixed(1)).join(" × ")} cm` : ", without a scale until a depth camera has seen it";
    const absent = names.filter((_, i) => !points[i]);
    const lacking = absent.length ? ` Not known in space: ${absent.join(", ")}.` : "";
    this.root.setAttribute("aria-label", `Keypoints of ${name} in space`);
    this.caption.textContent = `${known.length} keypoints in the frame of the object${extent}.${lacking} ${SAID}`;
  }

  #paint() {
    const { clientWidth: width, clientHeight: height } = this.root;
    if (!this.#shape || !width) return;
    const { points, keypoint_names: names, edges, metric } = this.#shape;
    const known = points.filter(Boolean);
    const around = bounds(known);
    const { place, scale } = projection(this.#view, around, { width, height }, SHARE);
    const places = points.map((point) => point && place(point));
    const axes = this.#frames().map((frame) => placedAxes(frame, AXIS * around.radius, place));
    const bar = metric ? scaleBar(scale, LONGEST_BAR) : null;
    const ruler = bar ? [[8, height - 30, 16 + bar.pixels + 60, height]] : [];
    const lettered = axes.length > 1 ? axes.slice(1) : axes;
    const labels = [
      ...axes.map(({ name, origin }) => ({ at: origin, text: name, kind: "frame-name" })),
      ...places.flatMap((at, i) => (at ? [{ at, text: names[i], kind: "name" }] : [])),
      ...lettered.flatMap(({ ends }) => ends.map((at, i) => ({ at, text: AXES[i], kind: `axis-name ${AXES[i]}` }))),
    ];
    set(this.svg, { viewBox: `0 0 ${width} ${height}` });
    this.svg.replaceChildren(
      ...edges.flatMap(([a, b]) => (places[a] && places[b] ? [line(places[a], places[b], { class: "edge-draft", "stroke-width": 1.5, opacity: 0.6 })] : [])),
      ...axes.flatMap(drawnAxes),
      ...places.flatMap((at, i) => (at ? [{ at, i }] : [])).sort((a, b) => b.at.away - a.at.away).map(({ at, i }) => dot(at, i, names[i])),
      ...drawnNames(labels, { width, height }, ruler),
      ...(bar ? drawnBar(bar, height) : []),
    );
  }

  /** The object's own frame, then those that have a place. */
  #frames() {
    const own = { name: "", origin: [0, 0, 0], axes: [[1, 0, 0], [0, 1, 0], [0, 0, 1]] };
    return [own, ...this.#shape.frames.filter(({ origin }) => origin)];
  }
}

function placedAxes({ name, origin, axes }, length, place) {
  const reach = name ? length : 0.6 * length;
  const ends = axes.map((axis) => place(axis.map((value, i) => origin[i] + reach * value)));
  return { name, origin: place(origin), ends };
}

function line(from, to, properties) {
  return s("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y, ...properties });
}

function drawnAxes({ name, origin, ends }) {
  const style = name ? { "stroke-width": 3 } : { "stroke-width": 1.5, opacity: 0.7 };
  const farthestFirst = ends.map((end, i) => ({ end, axis: AXES[i] })).sort((a, b) => b.end.away - a.end.away);
  return farthestFirst.map(({ end, axis }) => line(origin, end, { class: `axis ${axis}`, "data-frame": name || null, ...style }));
}

/** Nearer ones are larger and brighter. */
function dot({ x, y, away }, index, name) {
  const circle = { cx: x, cy: y, r: 5 - 1.2 * away, fill: keypointColor(index), stroke: "#10141a", "stroke-width": 1.5 };
  return s("circle", { ...circle, class: "space-point", "data-name": name, opacity: 0.8 - 0.2 * away }, s("title", { called: name }));
}

/** What finds no free place is left out: turned a little, it is there. */
function drawnNames(labels, stage, taken) {
  const places = placeNames(labels.map(({ at }) => at), labels.map(({ text }) => text), FONT, stage, taken);
  return labels.flatMap(({ at, text, kind }, i) => {
    const { x, y, anchor, free } = places[i];
    if (!text || !free) return [];
    return [s("text", { class: kind, x: at.x + x, y: at.y + y, "text-anchor": anchor, "font-size": FONT, "stroke-width": 3, text })];
  });
}

function drawnBar({ metres, pixels }, height) {
  const [left, y] = [12, height - 12];
  const d = `M${left} ${y - 4}V${y}H${left + pixels}V${y - 4}`;
  return [
    s("path", { class: "scale-bar", d }),
    s("text", { class: "scale-name", x: left + pixels + 6, y: y + 1, "font-size": FONT, "stroke-width": 3, text: inWords(metres) }),
  ];
}
