// What is marked in the shot in work: box, keypoints, edges, cross hair.

import { isUnsure } from "./draft.js";
import { keypointColor } from "./colors.js";
import { s } from "./dom.js";
import { doubtRing } from "./doubts.js";
import { placeNames } from "./labels.js";

const FONT = 12.5; // CSS pixels

export const CORNERS = ["nw", "ne", "se", "sw"];

/** Where a corner of a box lies, in image pixels. */
export function cornerOf(box, corner) {
  return {
    x: box.x - 0.5 + (corner.includes("e") ? box.width : 0),
    y: box.y - 0.5 + (corner.includes("s") ? box.height : 0),
  };
}

export class MarkLayer {
  constructor(stage) {
    this.stage = stage;
    this.group = s("g", { class: "draft" });
    stage.marks.append(this.group);
  }

  /** editor: what is marked. box: one that is being drawn. crossHair: {x, y} or null.
   * moved: {keypoint, x, y} that is being dragged. */
  paint(editor, { box, crossHair, moved }) {
    const shot = editor.current;
    this.group.replaceChildren();
    if (!shot) return;
    const marks = shot.marks.map((mark, i) =>
      moved?.keypoint === i ? { ...mark, x: moved.x, y: moved.y, visible: true, unsure: false } : mark,
    );
    this.#box(box ?? shot.box);
    for (const [a, b] of editor.draft.edges) this.#edge(marks[a], marks[b]);
    const seen = marks.flatMap((mark, i) => (mark?.visible ? [{ mark, i }] : []));
    const names = seen.map(({ mark, i }) => editor.draft.keypoint_names[i] + (isUnsure(mark) ? " ?" : mark.doubtful ? ": look again" : ""));
    const places = placeNames(seen.map(({ mark }) => mark), names, FONT * this.stage.unit, this.stage);
    seen.forEach(({ mark, i }, at) => this.#point(mark, i, editor, names[at], places[at]));
    if (crossHair) this.#crossHair(crossHair);
  }

  #box(box) {
    if (!box) return;
    const { unit } = this.stage;
    const frame = { x: box.x - 0.5, y: box.y - 0.5, width: box.width, height: box.height };
    this.group.append(
      s("rect", { class: "box-under", ...frame, "stroke-width": 3.5 * unit }),
      s("rect", { class: "box", ...frame, "stroke-width": 1.5 * unit }),
    );
    for (const corner of CORNERS) {
      const { x, y } = cornerOf(box, corner);
      const half = 4.5 * unit;
      this.group.append(
        s("rect", {
          class: `handle ${corner}`,
          x: x - half, y: y - half, width: 2 * half, height: 2 * half,
          "stroke-width": 1.5 * unit,
        }),
      );
    }
  }

  #edge(a, b) {
    if (!a?.visible || !b?.visible) return;
    const ends = { x1: a.x, y1: a.y, x2: b.x, y2: b.y };
    const { unit } = this.stage;
    this.group.append(
      s("line", { class: "edge-under", ...ends, "stroke-width": 4 * unit }),
      s("line", { class: "edge-draft", ...ends, "stroke-width": 2 * unit }),
    );
  }

  #point(mark, index, editor, name, place) {
    const { unit } = this.stage;
    const color = keypointColor(index);
    const held = index === editor.chosen || index === editor.chain;
    const unsure = isUnsure(mark);
    const point = s("g", {
      class: `mark${held ? " held" : ""}${unsure ? " unsure" : ""}`,
      transform: `translate(${mark.x} ${mark.y})`,
    });
    if (mark.doubtful) point.append(doubtRing({ x: 0, y: 0 }, 15 * unit, 2.5 * unit));
    if (held) point.append(s("circle", { class: "halo on", r: 11 * unit, "stroke-width": 2 * unit }));
    point.append(
      s("circle", {
        r: 5.5 * unit,
        fill: unsure ? "rgb(0 0 0 / 35%)" : color,
        stroke: unsure ? color : "#10141a",
        "stroke-width": 1.8 * unit,
        "stroke-dasharray": unsure ? `${3 * unit} ${2 * unit}` : "none",
      }),
      s("text", {
        class: "point-label on",
        x: place.x,
        y: place.y,
        "text-anchor": place.anchor,
        "font-size": FONT * unit,
        "stroke-width": 3 * unit,
        text: name,
      }),
    );
    this.group.append(point);
  }

  #crossHair({ x, y }) {
    const { unit } = this.stage;
    const [gap, arm] = [5 * unit, 18 * unit];
    const path =
      `M${x - arm} ${y}H${x - gap}M${x + gap} ${y}H${x + arm}` +
      `M${x} ${y - arm}V${y - gap}M${x} ${y + gap}V${y + arm}`;
    this.group.append(
      s("path", { class: "cross-under", d: path, "stroke-width": 4 * unit }),
      s("path", { class: "cross", d: path, "stroke-width": 1.6 * unit }),
    );
  }
}
