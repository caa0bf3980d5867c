// Why a keypoint is where it is: what the network saw, drawn only when a person asks.

import { api } from "./api.js";
import { h, s } from "./dom.js";
import { attempt } from "./messages.js";

const MAPS = [
  ["similarity", "Similarity", "Where the image looks like this keypoint of the shots."],
  ["encoder", "Encoder attention", "Which places the keypoint drew on while both were compared."],
  ["decoder", "Decoder attention", "Where the last layer attended before it settled on the point."],
];

export class Why {
  #asked = 0;

  /** onClose(): the panel was closed. */
  constructor(root, onClose = () => {}) {
    this.root = root;
    this.onClose = onClose;
  }

  /** request(): resolves to {image: ID, box: Box|null}. keypoint: {category, index, name}. */
  async show(request, { category, index, name }) {
    const asked = (this.#asked += 1);
    this.root.hidden = false;
    this.root.replaceChildren(this.#head(name), h("p", { class: "soft", text: "Asking the network …" }));
    const answer = await attempt("The inspection failed", async () =>
      api.post("inspect", { ...(await request()), category, keypoint: index }),
    );
    if (asked !== this.#asked) return;
    if (!answer) return this.close();
    const again = h("button", {
      type: "button",
      class: "tiny",
      text: "Ask again",
      onclick: () => this.show(request, { category, index, name }),
    });
    this.root.replaceChildren(
      this.#head(name),
      h("div", { class: "maps" }, ...MAPS.map(([key, title, words]) => map(answer, key, title, words))),
      h(
        "p",
        { class: "soft small key" },
        h("span", { class: "ring" }),
        "first proposal",
        h("span", { class: "dot" }),
        "final point",
        h("span", { class: "gap" }),
        again,
      ),
    );
  }

  close() {
    this.#asked += 1;
    this.root.hidden = true;
    this.root.replaceChildren();
    this.onClose();
  }

  #head(name) {
    const close = { type: "button", class: "quiet icon", text: "×", "aria-label": "Close", onclick: () => this.close() };
    return h("div", { class: "heading" }, h("h2", { text: `Why is ${name} there?` }), h("span", { class: "gap" }), h("button", close));
  }
}

function map(answer, key, title, words) {
  const { x, y, width, height } = answer.crop_box;
  const unit = width / 100;
  const { proposal, point } = answer;
  const marks = s(
    "svg",
    { class: "marks", viewBox: `${x - 0.5} ${y - 0.5} ${width} ${height}`, "aria-hidden": "true" },
    s("line", { class: "way", x1: proposal.x, y1: proposal.y, x2: point.x, y2: point.y, "stroke-width": unit }),
    s("circle", { class: "proposal", cx: proposal.x, cy: proposal.y, r: 4 * unit, "stroke-width": 1.4 * unit }),
    s("circle", { class: "final", cx: point.x, cy: point.y, r: 2.6 * unit, "stroke-width": unit }),
  );
  return h(
    "figure",
    {},
    h("div", { class: "map" }, h("img", { src: answer.crop, alt: "" }), h("img", { class: "heat", src: answer[key], alt: `${title} over the image` }), marks),
    h("figcaption", {}, h("strong", { text: title }), h("span", { class: "soft small", text: words })),
  );
}
