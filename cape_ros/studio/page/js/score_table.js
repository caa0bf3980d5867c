// What is found now: every object with its keypoints, their scores and the last minute.

import { isTrusted, scoreColor } from "./colors.js";
import { h, setText } from "./dom.js";
import { drawSparkline, ScoreHistory, sparkline } from "./score_history.js";

const DRAW_EVERY = 500; // milliseconds between sparklines

export class ScoreTable {
  #objects = new Map();
  #drawn = 0;
  #chosen = "";
  #history = new ScoreHistory();

  /** actions: pick(category, index), point(category, index), another(category). */
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    this.empty = h("p", { class: "empty" });
    root.append(this.empty);
  }

  /** awaited: the name of a category that was just registered, if there is no result yet. */
  show(objects, categories, now, awaited) {
    const names = new Set(objects.map(({ category }) => category));
    for (const [name, { card }] of this.#objects) {
      if (!names.has(name)) {
        card.remove();
        this.#objects.delete(name);
      }
    }
    this.empty.hidden = objects.length > 0;
    if (awaited) this.empty.textContent = `Waiting for the first result of ${awaited} …`;
    else this.empty.textContent = categories.all().length
      ? "Nothing is looked for on this camera. Switch a category on in the library."
      : "Nothing is registered yet. Teach an object from this frame.";
    const redraw = now - this.#drawn > DRAW_EVERY;
    if (redraw) this.#drawn = now;
    for (const object of objects) this.#paint(object, categories.get(object.category), now, redraw);
  }

  /** Forgets all objects and their scores. */
  clear() {
    for (const { card } of this.#objects.values()) card.remove();
    this.#objects.clear();
    this.#history = new ScoreHistory();
  }

  choose(category, index) {
    this.#chosen = category === null ? "" : `${category}/${index}`;
    for (const [name, { rows }] of this.#objects) {
      rows.forEach((row, i) => row.button.setAttribute("aria-pressed", `${name}/${i}` === this.#chosen));
    }
  }

  #paint(object, category, now, redraw) {
    this.#history.add(object, now);
    let shown = this.#objects.get(object.category);
    if (!shown || shown.version !== object.version || shown.rows.length !== object.keypoints.length) {
      const fresh = this.#make(object);
      if (shown) shown.card.replaceWith(fresh.card);
      else this.root.append(fresh.card);
      this.#objects.set(object.category, fresh);
      shown = fresh;
      redraw = true;
    }
    const seen = object.keypoints.some(({ score }) => score > 0);
    setText(shown.state, seen ? object.score.toFixed(2) : "not in view");
    shown.state.className = `tag number ${seen ? "good" : ""}`;
    object.keypoints.forEach((keypoint, i) => {
      const { score } = keypoint;
      const row = shown.rows[i];
      setText(row.name, category?.keypoint_names[i] ?? `keypoint ${i + 1}`);
      setText(row.score, score.toFixed(2));
      row.button.classList.toggle("untrusted", !isTrusted(keypoint));
      row.button.style.setProperty("--dot", scoreColor(score));
      if (redraw) drawSparkline(row.line, this.#history.of(object.category, i, now));
    });
  }

  #make({ category, version, keypoints }) {
    const state = h("span", { class: "tag" });
    const rows = keypoints.map((_, i) => this.#row(category, i));
    const card = h(
      "section",
      { class: "object", "aria-label": category },
      h(
        "div",
        { class: "heading" },
        h("h2", { text: category }),
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
      h("ul", { class: "scores", "aria-label": `Keypoints of ${category}, scores of the last minute` }, ...rows.map(({ row }) => row)),
    );
    return { version, card, state, rows };
  }

  #row(category, index) {
    const name = h("span", { class: "name" });
    const score = h("span", { class: "number" });
    const line = sparkline();
    const button = h("button", {
      type: "button",
      class: "score",
      title: "Why here?",
      "aria-pressed": String(`${category}/${index}` === this.#chosen),
      onclick: () => this.actions.pick(category, index),
      onfocus: () => this.actions.point(category, index),
      onpointerenter: () => this.actions.point(category, index),
      onblur: () => this.actions.point(null),
      onpointerleave: () => this.actions.point(null),
    });
    button.append(h("span", { class: "dot" }), name, line, score);
    return { row: h("li", {}, button), button, name, score, line };
  }
}
