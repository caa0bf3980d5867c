// A score as a colour: red, amber, teal differ in lightness too, for eyes that confuse hues.

import { h } from "./dom.js";

const VISIBLE = 2; // cape_ros/msg/Keypoint
const STOPS = [
  [0, [224, 62, 68]],
  [0.5, [245, 165, 36]],
  [1, [45, 212, 191]],
];

export function scoreColor(score) {
  const value = Math.min(1, Math.max(0, score));
  const [from, to] = value < 0.5 ? [STOPS[0], STOPS[1]] : [STOPS[1], STOPS[2]];
  const share = (value - from[0]) / 0.5;
  const mixed = from[1].map((channel, i) => Math.round(channel + share * (to[1][i] - channel)));
  return `rgb(${mixed.join(" ")})`;
}

/** Whether the server trusts a keypoint that it found; one that it does not is drawn as a ring. */
export const isTrusted = ({ visibility }) => visibility === VISIBLE;

/** A colour of a keypoint by its number, where no score is known: hues far apart. */
export function keypointColor(index) {
  return `hsl(${(353 + index * 222.5) % 360} 90% ${index % 2 ? 74 : 64}%)`;
}

/** What the colours and shapes mean. untrusted: an element that says which points are not trusted. */
export function legend(untrusted) {
  return [
    h("span", { text: "Score" }),
    h("span", { class: "number", text: "0" }),
    h("span", { class: "ramp", role: "img", "aria-label": "red is 0, amber is 0.5, teal is 1" }),
    h("span", { class: "number", text: "1" }),
    h("span", { class: "ring", role: "img", "aria-label": "a ring" }),
    untrusted,
  ];
}
