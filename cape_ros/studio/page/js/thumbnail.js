// A small picture of a shot with its keypoints.

import { keypointColor } from "./colors.js";
import { h, s } from "./dom.js";

/** source: address of the picture. shot: {width, height, keypoints: [{x, y, visible}|null]}. */
export function thumbnail(source, shot, edges = [], { dot = 0.014, alt = "" } = {}) {
  const { width, height, keypoints } = shot;
  const unit = Math.hypot(width, height);
  const marks = s("svg", {
    class: "marks",
    viewBox: `-0.5 -0.5 ${width} ${height}`,
    preserveAspectRatio: "xMidYMid slice",
    "aria-hidden": "true",
  });
  for (const [a, b] of edges) {
    const [from, to] = [keypoints[a], keypoints[b]];
    if (!from?.visible || !to?.visible) continue;
    const ends = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
    marks.append(s("line", { class: "edge-draft", ...ends, "stroke-width": 0.005 * unit }));
  }
  keypoints.forEach((keypoint, i) => {
    if (!keypoint?.visible) return;
    const place = { cx: keypoint.x, cy: keypoint.y, r: dot * unit };
    marks.append(s("circle", { ...place, fill: keypointColor(i), stroke: "#10141a", "stroke-width": 0.003 * unit }));
  });
  return h("span", { class: "thumbnail" }, h("img", { src: source, alt, loading: "lazy", draggable: "false" }), marks);
}
