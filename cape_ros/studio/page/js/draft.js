// A category that is being taught, as plain data; every change makes a new draft.
//
// {name, mode, version, base?, keypoint_names: [text], edges: [[a, b]], symmetries: [permutation],
//  shots: [{image, width, height, source, box: Box|null, marks: [Mark|null], automatic?}]}
// version: of the registered category that was opened, 0 for none. base: the version that is
// replaced or added to, where it is another one. before?: the index that each keypoint has in the
// category that was opened, null for new ones.
// Mark = {x, y, visible, unsure?, doubtful?}: unsure is the network's own that is not confirmed, and
// that it does not trust itself; doubtful is registered, but found elsewhere by the other shots.

import { isTrusted } from "./scores.js";
import { reordered, withKeypoint, withoutKeypoint } from "./symmetries.js";

export const MODES = ["create", "replace", "add_shots"];

export function newDraft() {
  return { name: "", mode: "create", version: 0, keypoint_names: [], edges: [], symmetries: [], shots: [] };
}

/** A draft that adds shots to a registered category: its keypoints stay as they are. */
export function furtherShots(category) {
  const { name, version, keypoint_names, edges, symmetries } = category;
  return { ...newDraft(), name, version, keypoint_names, edges, symmetries, mode: "add_shots" };
}

/** The same draft, to be registered as a new category. */
export function asNew({ base, ...draft }) {
  return { ...draft, mode: "create", version: 0 };
}

/** The registered version that a draft changes, null for a new category. */
export function baseOf({ mode, base, version }) {
  return mode === "create" ? null : base || version || null;
}

export const isFixed = (draft) => draft.mode === "add_shots";
const isUnsure = (mark) => Boolean(mark?.unsure);

/** marks: of each keypoint, null where nothing is known yet. */
export function addShot(draft, image, marks = [], box = null) {
  const full = draft.keypoint_names.map((_, i) => marks[i] ?? null);
  return { ...draft, shots: [...draft.shots, { ...image, box, marks: full }] };
}

export function removeShot(draft, shot) {
  return { ...draft, shots: draft.shots.filter((_, i) => i !== shot) };
}

export function setBox(draft, shot, box) {
  return withShot(draft, shot, (known) => ({ ...known, box: box && tidyBox(box, known) }));
}

/** Puts a keypoint into a shot; a person did it, so it is confirmed. */
export function place(draft, shot, keypoint, { x, y }) {
  return mark(draft, shot, keypoint, { x: round(x), y: round(y), visible: true });
}

export function hide(draft, shot, keypoint, hidden = true) {
  const known = draft.shots[shot].marks[keypoint];
  return mark(draft, shot, keypoint, hidden ? { x: known?.x ?? 0, y: known?.y ?? 0, visible: false } : null);
}

/** Takes the network's marks of a shot as they are. */
export function confirm(draft, shot) {
  return withShot(draft, shot, (known) => ({
    ...known,
    marks: known.marks.map((each) => each && { x: each.x, y: each.y, visible: each.visible }),
  }));
}

/** Marks where the network found the keypoints: of those that have none yet, or of all of them. */
export function predict(draft, shot, object, all = false) {
  const { width, height, marks: before } = draft.shots[shot];
  const marks = object.keypoints.map((keypoint, i) => {
    if (before[i] && !all) return before[i];
    const { x, y } = keypoint;
    const inside = x >= -0.5 && y >= -0.5 && x <= width - 0.5 && y <= height - 0.5;
    return inside ? { x: round(x), y: round(y), visible: true, unsure: !isTrusted(keypoint) } : null;
  });
  return withShot(draft, shot, (known) => ({ ...known, marks, box: known.box ?? tidyBox(object.box, known) }));
}

export function addKeypoint(draft, name = freshName(draft)) {
  return {
    ...draft,
    keypoint_names: [...draft.keypoint_names, name],
    before: draft.before && [...draft.before, null],
    symmetries: withKeypoint(draft.symmetries),
    shots: draft.shots.map((shot) => ({ ...shot, marks: [...shot.marks, null] })),
  };
}

export function removeKeypoint(draft, keypoint) {
  const without = (list) => list.filter((_, i) => i !== keypoint);
  const after = (i) => (i > keypoint ? i - 1 : i);
  return {
    ...draft,
    keypoint_names: without(draft.keypoint_names),
    before: draft.before && without(draft.before),
    edges: draft.edges.filter((edge) => !edge.includes(keypoint)).map((edge) => edge.map(after)),
    symmetries: withoutKeypoint(draft.symmetries, keypoint),
    shots: draft.shots.map((shot) => ({ ...shot, marks: without(shot.marks) })),
  };
}

export function rename(draft, keypoint, name) {
  return { ...draft, keypoint_names: draft.keypoint_names.map((known, i) => (i === keypoint ? name : known)) };
}

/** Lets a keypoint take the place of another in the order; edges, symmetries and shots follow. */
export function reorder(draft, from, to) {
  const order = draft.keypoint_names.map((_, i) => i);
  order.splice(to, 0, ...order.splice(from, 1));
  return {
    ...draft,
    keypoint_names: order.map((i) => draft.keypoint_names[i]),
    before: draft.before && order.map((i) => draft.before[i]),
    edges: draft.edges.map((edge) => edge.map((i) => order.indexOf(i))),
    symmetries: reordered(draft.symmetries, order),
    shots: draft.shots.map((shot) => ({ ...shot, marks: order.map((i) => shot.marks[i]) })),
  };
}

export function joins(draft, a, b) {
  return draft.edges.some((edge) => edge.includes(a) && edge.includes(b));
}

/** Joins two keypoints, or parts them if they are joined. */
export function toggleEdge(draft, a, b) {
  if (a === b) return draft;
  const others = draft.edges.filter((edge) => !(edge.includes(a) && edge.includes(b)));
  return { ...draft, edges: joins(draft, a, b) ? others : [...others, [a, b]] };
}

/** Joins all keypoints one after the other. */
export function joinInOrder(draft) {
  const edges = draft.keypoint_names.slice(1).map((_, i) => [i, i + 1]);
  return { ...draft, edges };
}

/** The next keypoint of a shot that has no place yet, -1 if all have one. */
export function nextOpen(draft, shot) {
  return draft.shots[shot]?.marks.indexOf(null) ?? -1;
}

/** What the server is asked to register. */
export function toBody(draft) {
  return {
    name: draft.name,
    mode: draft.mode,
    base_version: baseOf(draft),
    keypoint_names: draft.keypoint_names,
    keypoints_before: baseOf(draft) === draft.version ? (draft.before ?? null) : null,
    edges: draft.edges,
    symmetries: draft.symmetries,
    shots: draft.shots.map(({ image, box, marks, automatic = false }) => ({
      image,
      box,
      automatic,
      keypoints: marks.map((each) => ({
        x: each?.x ?? 0,
        y: each?.y ?? 0,
        visible: Boolean(each?.visible),
      })),
    })),
  };
}

/** What has to be settled before the server is asked: [{text, shot?, keypoint?, fix?}]. */
export function problems(draft, registered) {
  const found = [];
  if (!draft.name.trim()) found.push({ text: "Give the object a name", field: "name" });
  if (draft.mode === "create" && registered.get(draft.name)) {
    found.push({ text: `${draft.name} is registered already: choose another name`, field: "name", fix: "replace" });
  }
  if (!draft.shots.length) found.push({ text: "Add an image of the object" });
  if (draft.shots.length && !draft.keypoint_names.length) found.push({ text: "Click at least one keypoint" });
  draft.keypoint_names.forEach((name, keypoint) => {
    if (!name.trim()) found.push({ text: `Keypoint ${keypoint + 1} has no name`, keypoint });
    else if (draft.keypoint_names.indexOf(name) < keypoint) found.push({ text: `Two keypoints are called ${name}`, keypoint });
  });
  draft.shots.forEach(({ marks }, shot) => {
    const where = draft.shots.length > 1 ? `Shot ${shot + 1}: ` : "";
    const listed = (indices) => indices.map((i) => draft.keypoint_names[i]).join(", ");
    const all = marks.map((_, i) => i);
    const open = all.filter((i) => !marks[i]);
    const unsure = all.filter((i) => isUnsure(marks[i]));
    if (open.length) {
      found.push({ text: `${where}${listed(open)}: no place yet`, shot, keypoint: open[0], fix: "hide" });
    }
    if (unsure.length) {
      found.push({ text: `${where}${listed(unsure)}: the network is unsure, drag to correct`, shot, keypoint: unsure[0], fix: "confirm" });
    }
    if (marks.length && marks.every((each) => each && !each.visible)) {
      found.push({ text: `${where}no keypoint is visible`, shot });
    }
  });
  return found;
}

export { isUnsure };

function withShot(draft, shot, change) {
  return { ...draft, shots: draft.shots.map((known, i) => (i === shot ? change(known) : known)) };
}

function mark(draft, shot, keypoint, value) {
  return withShot(draft, shot, (known) => ({
    ...known,
    marks: known.marks.map((each, i) => (i === keypoint ? value : each)),
  }));
}

/** Right way round and inside the image, in tenths of a pixel; x = 0 is the image's left edge. */
function tidyBox({ x, y, width, height }, image) {
  const clip = (value, most) => Math.min(most, Math.max(0, value));
  const [left, right] = [x, x + width].sort((a, b) => a - b).map((value) => clip(value, image.width));
  const [top, bottom] = [y, y + height].sort((a, b) => a - b).map((value) => clip(value, image.height));
  return { x: round(left), y: round(top), width: round(right - left), height: round(bottom - top) };
}

function freshName({ keypoint_names: names }) {
  let number = names.length + 1;
  while (names.includes(`point_${number}`)) number += 1;
  return `point_${number}`;
}

const round = (value) => Math.round(value * 10) / 10;
