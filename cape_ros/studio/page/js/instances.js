// How objects of one picture are told apart: a colour and a title of each, as in
// cape_ros/perception/drawing/instances.py.

const COLORS = [
  [86, 180, 255], [255, 121, 198], [247, 238, 91], [180, 140, 255],
  [155, 229, 100], [255, 166, 87], [94, 242, 230], [241, 245, 249],
];

/** The objects of one picture, each with {key, name, color}. key: the same from frame to frame.
 * color: by track ID, without one by the place in the list; up to eight have different ones. */
export function tellApart(objects) {
  const colors = instanceColors(objects);
  const counts = new Map();
  return objects.map((object, at) => {
    const { category, track_id: id } = object;
    const nth = counts.get(category) ?? 0;
    if (id < 0) counts.set(category, nth + 1);
    const key = id >= 0 ? `${category}#${id}` : `${category}@${nth}`;
    return { ...object, key, name: id >= 0 ? `${category} ${id}` : category, color: colors[at] };
  });
}

/** Whether anything of an object is in view. */
export const isSeen = ({ keypoints }) => keypoints.some(({ score }) => score > 0);

function instanceColors(objects) {
  const keys = objects.map(({ track_id: id }, at) => (id >= 0 ? id : at));
  const order = keys.map((_, at) => at);
  order.sort((a, b) => (objects[a].track_id < 0) - (objects[b].track_id < 0) || keys[a] - keys[b]);
  const taken = new Map();
  for (const at of order) {
    const wished = COLORS.map((_, step) => COLORS[(keys[at] + step) % COLORS.length]);
    const used = new Set(taken.values());
    taken.set(at, wished.find((color) => !used.has(color)) ?? wished[0]);
  }
  return keys.map((_, at) => `rgb(${taken.get(at).join(" ")})`);
}
