// A magnifying glass in a corner of a stage: where exactly a point would be set.

import { h } from "./dom.js";

const SIZE = 136; // CSS pixels, on stages that are wide enough
const MAGNIFIES = 5; // compared with what is seen on the stage

export class Loupe {
  constructor(stage) {
    this.stage = stage;
    const scale = Math.min(2, window.devicePixelRatio || 1);
    this.canvas = h("canvas", { class: "loupe", width: SIZE * scale, height: SIZE * scale, hidden: true });
    this.canvas.setAttribute("aria-hidden", "true");
    stage.root.append(this.canvas);
  }

  /** Shows the surroundings of an image point; it stays out of the way of where one works. */
  show(point) {
    const { stage, canvas } = this;
    const place = stage.onPage(point);
    const frame = stage.root.getBoundingClientRect();
    const right = place.x - frame.left < frame.width / 2;
    canvas.classList.toggle("right", right);
    canvas.hidden = false;
    const side = (canvas.clientWidth * stage.unit) / MAGNIFIES; // image pixels
    const ratio = stage.picture.width / stage.width;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(
      stage.picture,
      (point.x + 0.5 - side / 2) * ratio,
      (point.y + 0.5 - side / 2) * ratio,
      side * ratio,
      side * ratio,
      0,
      0,
      canvas.width,
      canvas.height,
    );
    const middle = canvas.width / 2;
    const gap = canvas.width / 16;
    for (const [color, width] of [["rgb(0 0 0 / 70%)", 4], ["#fff", 1.5]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(middle + dx * gap, middle + dy * gap);
        context.lineTo(middle + dx * middle * 0.8, middle + dy * middle * 0.8);
      }
      context.stroke();
    }
  }

  hide() {
    this.canvas.hidden = true;
  }
}
