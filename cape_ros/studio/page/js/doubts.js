// Points that may be marked wrongly: the other shots find them elsewhere.

import { api, part } from "./api.js";
import { during } from "./busy.js";
import { h, s } from "./dom.js";

/** doubtful: [{shot, keypoint}], as the server names them. */
export const isDoubtful = (doubtful, shot, keypoint) => doubtful.some((each) => each.shot === shot && each.keypoint === keypoint);

/** A ring around a doubtful point. unit: image pixels in its line's width. */
export function doubtRing({ x, y }, radius, unit) {
  return s("circle", { class: "doubt", cx: x, cy: y, r: radius, "stroke-width": unit });
}

/** Marks the doubtful points of a registered category in its pictures, as soon as they are known.
 * pictures: a list item with a thumbnail for each shot. correct(point, tell): opens one. */
export async function showDoubts({ name, keypoint_names: names, supports }, pictures, correct) {
  const { doubtful } = await api.get(`categories/${part(name)}/check`).catch(() => ({ doubtful: [] }));
  for (const point of doubtful) {
    const { shot, keypoint } = point;
    const { width, height, keypoints } = supports[shot];
    const unit = Math.hypot(width, height);
    pictures[shot].querySelector(".marks").append(doubtRing(keypoints[keypoint], 0.03 * unit, 0.006 * unit));
    const button = { type: "button", class: "tiny", text: "Correct", "aria-label": `Correct ${names[keypoint]} of shot ${shot + 1}` };
    const open = ({ currentTarget }) => during(currentTarget, "Opening …", (tell) => correct(point, tell));
    pictures[shot].append(
      h("p", { class: "doubtful small" }, h("span", { text: `${names[keypoint]}: the other shots find it elsewhere` }), h("button", { ...button, onclick: open })),
    );
  }
}
