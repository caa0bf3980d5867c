// Marking with a mouse, a pen or fingers: one pointer works with the tool, two zoom and move.

import { opensMenu } from "./dom.js";
import { CORNERS, cornerOf } from "./mark_layer.js";

const NEAR = { mouse: 11, pen: 13, touch: 22 }; // CSS pixels from a thing that still take hold of it
const A_DRAG = 4; // CSS pixels that make a drag out of a click

export class TeachPointer {
  #pointers = new Map();
  #work = null; // what the pressed pointer does: {kind, start, ...}
  #pinch = null;
  space = false; // the space key is down: dragging moves the view

  /** surface: a `TeachStage`, which draws, places and explains. */
  constructor(surface) {
    this.surface = surface;
    this.stage = surface.stage;
    const { root } = this.stage;
    root.addEventListener("pointerdown", (event) => this.#down(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    root.addEventListener("pointerup", (event) => this.#up(event));
    root.addEventListener("pointercancel", (event) => this.#cancel(event));
    root.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && !this.#work && surface.loupe.hide());
  }

  #down(event) {
    if (!this.surface.editor.current || event.target.closest("button") || opensMenu(event)) return;
    this.stage.root.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event);
    if (this.#pointers.size === 2) {
      this.#drop();
      this.#pinch = this.#spread();
      return;
    }
    if (this.#pinch) return;
    this.surface.crossHair = null;
    this.#work = this.#begin(event);
    this.#follow(event);
  }

  #begin(event) {
    const { editor } = this.surface;
    const start = this.stage.at(event);
    const near = NEAR[event.pointerType] * this.stage.unit;
    if (event.button === 1 || this.space) return { kind: "pan", start, last: event };
    const keypoint = this.surface.nearest(start, near);
    if (editor.tool === "connect") return { kind: "connect", start, keypoint };
    if (keypoint >= 0) {
      editor.choose({ chosen: keypoint });
      const mark = editor.current.marks[keypoint];
      return { kind: "drag", start, keypoint, offset: { x: mark.x - start.x, y: mark.y - start.y } };
    }
    const { box } = editor.current;
    const corner = box && CORNERS.find((each) => distance(cornerOf(box, each), start) <= near);
    if (corner) return { kind: "resize", start, corner };
    return { kind: editor.tool === "box" ? "draw" : "place", start };
  }

  #move(event) {
    const known = this.#pointers.get(event.pointerId);
    if (known) this.#pointers.set(event.pointerId, event);
    if (this.#pinch) return this.#turnPinch();
    if (this.#work) return this.#follow(event);
    if (event.pointerType === "mouse") this.#hover(event);
  }

  #hover(event) {
    const { surface, stage } = this;
    if (!surface.editor.current) return;
    const point = stage.at(event);
    const places = surface.editor.tool === "point" && stage.inside(point);
    if (places) surface.loupe.show(point);
    else surface.loupe.hide();
    const near = NEAR.mouse * stage.unit;
    const over = surface.nearest(point, near) >= 0;
    stage.root.dataset.cursor = this.space ? "pan" : over ? "take" : surface.editor.tool;
  }

  /** Shows what would happen if the pointer were let go here. */
  #follow(event) {
    const { surface, stage } = this;
    const work = this.#work;
    const point = stage.at(event);
    work.moved ||= distance(point, work.start) > A_DRAG * stage.unit;
    switch (work.kind) {
      case "pan":
        stage.pan(event.clientX - work.last.clientX, event.clientY - work.last.clientY);
        work.last = event;
        return;
      case "drag":
        if (!work.moved) return;
        work.place = stage.clamp({ x: point.x + work.offset.x, y: point.y + work.offset.y });
        surface.loupe.show(work.place);
        return surface.paint({ moved: { keypoint: work.keypoint, ...work.place } });
      case "place":
        work.place = stage.clamp(point);
        surface.loupe.show(work.place);
        return surface.paint({ crossHair: work.place });
      case "draw":
        return work.moved && surface.paint({ box: between(work.start, point) });
      case "resize":
        return surface.paint({ box: this.#resized(work, point) });
    }
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#pinch) {
      if (this.#pointers.size < 2) this.#pinch = null;
      return;
    }
    const work = this.#work;
    if (!work) return;
    this.#work = null;
    this.#finish(work, this.stage.at(event));
    if (event.pointerType !== "mouse" || work.kind !== "place") this.surface.loupe.hide();
    this.surface.paint();
  }

  #finish(work, point) {
    const { surface } = this;
    const { editor } = surface;
    if (work.kind === "drag" && work.place) surface.moveTo(work.keypoint, work.place);
    else if (work.kind === "place") surface.placeAt(work.place, { hold: true });
    else if (work.kind === "connect") surface.connect(work.keypoint);
    else if (work.kind === "resize" && work.moved) surface.setBox(this.#resized(work, point));
    else if (work.kind === "draw") {
      if (work.moved) surface.setBox(between(work.start, point));
      else if (this.stage.inside(point)) {
        editor.choose({ tool: "point" });
        surface.placeAt(point, { hold: true });
      }
    }
  }

  #resized({ corner }, point) {
    const { box } = this.surface.editor.current;
    const opposite = { nw: "se", ne: "sw", se: "nw", sw: "ne" }[corner];
    return between(cornerOf(box, opposite), point);
  }

  #cancel(event) {
    this.#pointers.delete(event.pointerId);
    this.#pinch = null;
    this.#drop();
  }

  #drop() {
    this.#work = null;
    this.surface.loupe.hide();
    this.surface.paint();
  }

  #spread() {
    const [a, b] = [...this.#pointers.values()];
    return {
      length: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY),
      clientX: (a.clientX + b.clientX) / 2,
      clientY: (a.clientY + b.clientY) / 2,
    };
  }

  #turnPinch() {
    const after = this.#spread();
    const before = this.#pinch;
    this.stage.pan(after.clientX - before.clientX, after.clientY - before.clientY);
    this.stage.zoom(after.length / Math.max(1, before.length), this.stage.at(after));
    this.#pinch = after;
  }
}

/** The box between two image points. */
function between(a, b) {
  return {
    x: Math.min(a.x, b.x) + 0.5,
    y: Math.min(a.y, b.y) + 0.5,
    width: Math.abs(a.x - b.x),
    height: Math.abs(a.y - b.y),
  };
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

export { between };
