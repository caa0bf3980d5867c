// What is found now: every object with its keypoints, their scores and the last minute.

import { h, set, setText } from "./dom.js";
import { FrameDistances } from "./frame_distances.js";
import { isSeen, tellApart } from "./instances.js";
import { inMetres } from "./orbit.js";
import { drawSparkline, ScoreHistory, sparkline } from "./score_history.js";
import { isTrusted, keypointScoreColor, objectScoreColor, objectScoreWords } from "./scores.js";

const DRAW_EVERY = 500; // milliseconds between sparklines

export class ScoreTable {
  #objects = new Map();
  #drawn = 0;
  #chosen = "";
  #history = new ScoreHistory();

  /** actions: pick(object, index), point(object, index), another(category); objects as of
   * `tellApart`. */
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    this.empty = h("p", { class: "empty" });
    root.append(this.empty);
  }

  /** awaited: the name of a category that was just registered, if there is no result yet. */
  show(found, categories, now, awaited) {
    const objects = tellApart(found);
    this.#takeOver(objects);
    const keys = new Set(objects.map(({ key }) => key));
    for (const [key, { card }] of this.#objects) {
      if (!keys.has(key)) {
        card.remove();
        this.#objects.delete(key);
      }
    }
    this.empty.hidden = objects.length > 0;
    if (awaited) this.empty.textContent = `Waiting for the first result of ${awaited} …`;
    else this.empty.textContent = categories.all().length
      ? "Nothing is looked for on this camera. Switch a category on in the library."
      : "Nothing is registered yet. Teach an object from this frame.";
    const redraw = now - this.#drawn > DRAW_EVERY;
    if (redraw) {
      this.#drawn = now;
      this.#history.tidy(now);
    }
    for (const object of objects) this.#paint(object, categories.get(object.category), now, redraw);
  }

  /** Forgets all objects and their scores. */
  clear() {
    for (const { card } of this.#objects.values()) card.remove();
    this.#objects.clear();
    this.#history = new ScoreHistory();
  }

  /** key: of an object, null for none. */
  choose(key, index) {
    this.#chosen = key === null ? "" : `${key}/${index}`;
    for (const [known, { rows }] of this.#objects) {
      rows.forEach((row, i) => row.button.setAttribute("aria-pressed", `${known}/${i}` === this.#chosen));
    }
  }

  /** The only object of a category keeps its card and history when it is lost and found again. */
  #takeOver(objects) {
    for (const { category, key } of objects) {
      const only = objects.filter((each) => each.category === category).length === 1;
      const shown = [...this.#objects].filter(([, { object }]) => object.category === category);
      if (!only || shown.length !== 1 || shown[0][0] === key) continue;
      const [[before, card]] = shown;
      this.#objects.delete(before);
      this.#objects.set(key, card);
      this.#history.move(before, key);
    }
  }

  #paint(object, category, now, redraw) {
    this.#history.add(object, now);
    let shown = this.#objects.get(object.key);
    if (!shown || shown.object.version !== object.version || shown.rows.length !== object.keypoints.length) {
      const fresh = this.#make(object);
      if (shown) shown.card.replaceWith(fresh.card);
      else this.root.append(fresh.card);
      this.#objects.set(object.key, fresh);
      shown = fresh;
      redraw = true;
    }
    shown.object = object;
    this.#paintState(shown, object);
    const { space = null } = object;
    shown.card.classList.toggle("in-space", space !== null);
    shown.frames.show(space);
    object.keypoints.forEach((keypoint, i) => {
      const { score } = keypoint;
      const row = shown.rows[i];
      setText(row.name, category?.keypoint_names[i] ?? `keypoint ${i + 1}`);
      setText(row.score, score.toFixed(2));
      paintDistance(row.distance, object.space?.keypoints[i]);
      row.button.classList.toggle("untrusted", !isTrusted(keypoint));
      row.button.style.setProperty("--dot", keypointScoreColor(score));
      if (redraw) drawSparkline(row.line, this.#history.of(object.key, i, now));
    });
  }

  #paintState({ card, state, title, swatch }, object) {
    const { name, color, score, predicted, age } = object;
    const seen = isSeen(object);
    card.classList.toggle("predicted", Boolean(predicted));
    setText(title, name);
    set(card, { "aria-label": name });
    swatch.hidden = !seen;
    swatch.style.setProperty("--dot", color);
    setText(state, predicted ? "predicted" : seen ? `object ${score.toFixed(2)}` : "not in view");
    state.classList.toggle("scored", seen && !predicted);
    state.style.setProperty("--dot", objectScoreColor(score));
    const since = age > 0 ? ` Followed for ${Math.round(age)} s.` : "";
    const words = predicted ? "Not seen in this frame: placed by its motion." : seen ? objectScoreWords() : "";
    if (state.title !== words + since) state.title = words + since;
  }

  #make(object) {
    const { category, version, keypoints, name } = object;
    const state = h("span", { class: "tag number" });
    const title = h("h2", { called: name });
    const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
    const frames = new FrameDistances();
    const made = { object, state, title, swatch, frames };
    made.rows = keypoints.map((_, i) => this.#row(made, i));
    made.card = h(
      "section",
      { class: "object", dataset: { category }, "aria-label": name },
      h(
        "div",
        { class: "heading" },
        swatch,
        title,
        h("span", { class: "soft small", text: `v${version}` }),
        state,
        h("span", { class: "gap" }),
        h("button", {
          type: "button",
          class: "tiny",
          text: "Add a shot",
          "aria-label": `Add a shot of ${category}`,
          onclick: () => this.actions.another(category),
        }),
      ),
      h("ul", { class: "scores", "aria-label": `Keypoints of ${category}, scores of the last minute` }, ...made.rows.map(({ row }) => row)),
      frames.element,
    );
    return made;
  }

  #row(made, index) {
    const name = h("span", { class: "name", translate: "no" });
    const score = h("span", { class: "number" });
    const distance = h("span", { class: "distance number" });
    const line = sparkline();
    const button = h("button", {
      type: "button",
      class: "score",
      title: "Why here? The number is the probability that the point is right.",
      "aria-pressed": String(`${made.object.key}/${index}` === this.#chosen),
      onclick: () => this.actions.pick(made.object, index),
      onfocus: () => this.actions.point(made.object, index),
      onpointerenter: () => this.actions.point(made.object, index),
      onblur: () => this.actions.point(null),
      onpointerleave: () => this.actions.point(null),
    });
    button.append(h("span", { class: "dot" }), name, line, score, distance);
    return { row: h("li", {}, button), button, name, score, distance, line };
  }
}

/** keypoint: in space as the server sends it, undefined if nothing is known. */
function paintDistance(element, keypoint) {
  const { distance = null, deviation = null, measured = false } = keypoint ?? {};
  setText(element, distance === null ? "" : inMetres(distance));
  element.classList.toggle("soft", !measured);
  const source = measured ? "measured" : "by the object's pose";
  const words = distance === null ? "" : `${source}${deviation === null ? "" : `, ± ${(1000 * deviation).toFixed(0)} mm`}`;
  if (element.title !== words) element.title = words;
}
