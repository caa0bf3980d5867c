// Scores of the last minute, in half seconds.

import { s, set } from "./dom.js";

const STEP = 500; // milliseconds
const STEPS = 120;
const WIDTH = 84; // of a sparkline
const HEIGHT = 18;

export class ScoreHistory {
  #rows = new Map();

  /** Adds the scores of an object at a time in milliseconds; another version begins anew. */
  add(object, now) {
    const { key } = object;
    let row = this.#rows.get(key);
    if (!row || row.version !== object.version || row.series.length !== object.keypoints.length) {
      row = { version: object.version, series: object.keypoints.map(() => []) };
      this.#rows.set(key, row);
    }
    const step = Math.floor(now / STEP);
    row.last = step;
    object.keypoints.forEach(({ score }, i) => {
      const series = row.series[i];
      const last = series.at(-1);
      if (last?.step === step) {
        last.sum += score;
        last.count += 1;
      } else {
        series.push({ step, sum: score, count: 1 });
        if (series.length > STEPS) series.shift();
      }
    });
  }

  /** Goes on with the scores of an object under another key. */
  move(before, key) {
    const row = this.#rows.get(before);
    this.#rows.delete(before);
    if (row) this.#rows.set(key, row);
  }

  /** Forgets what has no score of the last minute any more. */
  tidy(now) {
    const oldest = Math.floor(now / STEP) - STEPS;
    for (const [key, { last }] of this.#rows) if (last < oldest) this.#rows.delete(key);
  }

  /** Mean scores of a keypoint, oldest first: [{age: seconds, score}]. */
  of(key, index, now) {
    const step = Math.floor(now / STEP);
    return (this.#rows.get(key)?.series[index] ?? [])
      .filter((bucket) => step - bucket.step <= STEPS)
      .map(({ step: at, sum, count }) => ({ age: ((step - at) * STEP) / 1000, score: sum / count }));
  }
}

export function sparkline() {
  const path = s("path");
  const middle = s("line", { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 });
  const attributes = { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT };
  return s("svg", { ...attributes, "aria-hidden": "true" }, middle, path);
}

/** Draws a history into a sparkline; the right edge is now. */
export function drawSparkline(element, history) {
  const seconds = (STEP * STEPS) / 1000;
  let line = "";
  let before = Infinity;
  for (const { age, score } of history) {
    const x = WIDTH * (1 - age / seconds);
    const y = 1 + (HEIGHT - 2) * (1 - score);
    line += `${before - age > 1.5 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    before = age;
  }
  set(element.lastChild, { d: line.replace(/^L/, "M") });
}
