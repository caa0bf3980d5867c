// How objects of one picture are told apart: a colour and a title of each, as in
// cape_ros/perception/drawing/instances.py.

const COLORS = [
  [86, 180, 255], [255, 121, 198], [247, 238, 91], [180, 140, 255],
  [155, 229, 100], [255, 166, 87], [94, 242, 230], [241, 245, 249],
];

/** A colour by track ID, without one by the place in the list; up to eight have different ones. */
export function instanceColors(objects) {
  const keys = objects.map(({ track_id: id }, at) => (id >= 0 ? id : at));
  const order = keys.map((_, at) => at).sort((a, b) => (objects[a].track_id < 0) - (objects[b].track_id < 0) || keys[a] - keys[b]);
  const taken = new Map();
  for (const at of order) {
    const wished = COLORS.map((_, step) => COLORS[(keys[at] + step) % COLORS.length]);
    const used = new Set(taken.values());
    taken.set(at, wished.find((color) => !used.has(color)) ?? wished[0]);
  }
  return keys.map((_, at) => `rgb(${taken.get(at).join(" ")})`);
}

/** Category and track ID, such as `mug 3`. */
export const instanceName = ({ category, track_id: id }) => (id >= 0 ? `${category} ${id}` : category);
