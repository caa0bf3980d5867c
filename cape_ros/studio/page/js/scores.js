// What the scores mean: one scale for objects and keypoints, coloured by the thresholds of the node.

import { ask, h, setText } from "./dom.js";

const VISIBLE = 2; // cape_ros/msg/Keypoint
const RED = [224, 62, 68];
const AMBER = [245, 165, 36];
const TEAL = [45, 212, 191];

/** trusted_point, found_object, kept_object: as of the node's parameters. */
const thresholds = { trusted_point: 0.3, found_object: 0.35, kept_object: 0.25 };
const listeners = [];

/** Takes over the node's thresholds from an answer that has them. */
export function hearThresholds(answer) {
  let changed = false;
  for (const name of Object.keys(thresholds)) {
    if (answer[name] === undefined || answer[name] === thresholds[name]) continue;
    thresholds[name] = answer[name];
    changed = true;
  }
  if (changed) for (const listener of listeners) listener();
}

export const keypointScoreColor = (score) => color(score, thresholds.trusted_point);
export const objectScoreColor = (score) => color(score, thresholds.found_object);

/** Whether the server trusts a keypoint that it found; one that it does not is drawn as a ring. */
export const isTrusted = ({ visibility }) => visibility === VISIBLE;

/** Red is 0, amber the threshold, teal 1: they differ in lightness too, for eyes that confuse hues. */
function color(score, threshold) {
  const value = Math.min(1, Math.max(0, score));
  const [from, to, share] =
    value < threshold ? [RED, AMBER, value / threshold] : [AMBER, TEAL, (value - threshold) / Math.max(1e-6, 1 - threshold)];
  return `rgb(${from.map((channel, i) => Math.round(channel + share * (to[i] - channel))).join(" ")})`;
}

export function objectScoreWords() {
  const { found_object: found, kept_object: kept } = thresholds;
  return `Object score: confidence that the object is in the image. Found from ${found}, lost below ${kept}.`;
}

/** What the colours and shapes mean. */
export function legend() {
  const ramp = h("span", { class: "ramp", role: "img" });
  const untrusted = h("span");
  const paint = () => {
    const { trusted_point: trusted } = thresholds;
    ramp.style.setProperty("--middle", `${100 * trusted}%`);
    ramp.setAttribute("aria-label", `red is 0, amber is ${trusted}, teal is 1`);
    setText(untrusted, `below ${trusted}: not trusted`);
  };
  listeners.push(paint);
  paint();
  return [
    h("span", { text: "Score" }),
    h("span", { class: "number", text: "0" }),
    ramp,
    h("span", { class: "number", text: "1" }),
    h("span", { class: "ring", role: "img", "aria-label": "a ring" }),
    untrusted,
    h("button", { type: "button", class: "quiet icon", text: "?", "aria-label": "What the scores mean", title: "What the scores mean", onclick: explain }),
  ];
}

function explain() {
  const { trusted_point: trusted, found_object: found, kept_object: kept } = thresholds;
  const rows = [
    ["Keypoint score", `The probability that the point is right: within 0.1 of the object's longer side. From ${trusted} it is trusted and filled; below, it is a ring.`],
    ["Object score", `The confidence that the object is in the image: how well its keypoints match those of the shots, on average. From ${found} a searched object is found; below ${kept} a followed one is lost.`],
    ["Both", "Go from 0 to 1 and have the same colours: red is 0, amber the threshold above, teal 1. They answer different questions: an object of 0.5 that is surely there can have points of 0.99."],
    ["One shot", "Tells little about how good its scores are. From two shots on, they check each other."],
  ];
  const table = h("table", { class: "keys" }, ...rows.map(([name, words]) => h("tr", {}, h("th", { scope: "row", text: name }), h("td", { text: words }))));
  ask("What the scores mean", table, [{ label: "Close", value: "" }]);
}
