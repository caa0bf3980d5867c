// Where names stand beside their points and titles at their boxes, so that they cover neither each
// other nor points.

const LETTER = 0.62; // widths of a letter in font sizes, about
const GAP = 0.75; // between point and name, in font sizes
const MOST_SHIFTED = 20; // lines that a title gives way to others

/** points: [{x, y}]. names: a text of each, "" for none. size: of the font, in image pixels.
 * others: frames that are taken. Returns for each {x, y, anchor, frame, free}: relative to its point,
 * the frame that it takes, and whether it covers nothing. */
export function placeNames(points, names, size, { width, height }, others = []) {
  const taken = [...points.map((point) => around(point, size)), ...others];
  return points.map((point, i) => {
    const long = LETTER * size * names[i].length;
    const places = [
      { x: GAP * size, y: 0.35 * size, anchor: "start" },
      { x: -GAP * size, y: 0.35 * size, anchor: "end" },
      { x: 0, y: -0.8 * size, anchor: "middle" },
      { x: 0, y: 1.5 * size, anchor: "middle" },
      { x: GAP * size, y: -0.5 * size, anchor: "start" },
      { x: -GAP * size, y: -0.5 * size, anchor: "end" },
      { x: 0.5 * size, y: 1.3 * size, anchor: "start" },
      { x: -0.5 * size, y: 1.3 * size, anchor: "end" },
      { x: 0.5 * size, y: -1.1 * size, anchor: "start" },
      { x: -0.5 * size, y: -1.1 * size, anchor: "end" },
    ];
    const frames = places.map((place) => frame(point, place, long, size));
    const free = frames.findIndex(
      (box) => inside(box, width, height) && !taken.some((other, k) => k !== i && overlap(box, other)),
    );
    const at = free >= 0 ? free : frames.findIndex((box) => inside(box, width, height));
    const chosen = Math.max(0, at);
    if (names[i]) taken.push(frames[chosen]);
    return { ...places[chosen], frame: frames[chosen], free: free >= 0 };
  });
}

/** boxes: of objects. titles: a text of each. points: that are better not covered. Returns for each
 * its frame [left, top, right, bottom]; none covers another one. */
export function placeTitles(boxes, titles, points, size, stage) {
  const near = points.map((point) => around(point, size));
  const taken = [];
  return boxes.map((box, i) => {
    const places = titlePlaces(box, LETTER * size * titles[i].length, 1.25 * size, stage);
    const free = (frames) => places.find((place) => !frames.some((other) => overlap(place, other)));
    const chosen = free([...near, ...taken]) ?? free(taken) ?? places[0];
    taken.push(chosen);
    return chosen;
  });
}

/** Above the box, below it and in its upper edge, then line by line further away. */
function titlePlaces(box, long, tall, { width, height }) {
  const lefts = [box.x, box.x + box.width - long].map((left) => Math.max(0, Math.min(left, width - long)));
  const gap = 0.2 * tall;
  const places = [];
  for (let line = 0; line < MOST_SHIFTED; line += 1) {
    const away = line * 1.05 * tall;
    for (const top of [box.y - tall - gap - away, box.y + box.height + gap + away, box.y + gap + away]) {
      if (top >= 0 && top <= height - tall) places.push(...lefts.map((left) => [left, top, left + long, top + tall]));
    }
  }
  const top = Math.max(0, Math.min(box.y, height - tall));
  return [...places, [lefts[0], top, lefts[0] + long, top + tall]];
}

function around({ x, y }, size) {
  const half = 0.45 * size;
  return [x - half, y - half, x + half, y + half];
}

function frame({ x, y }, place, long, size) {
  const left = x + place.x - { start: 0, middle: long / 2, end: long }[place.anchor];
  return [left, y + place.y - 0.85 * size, left + long, y + place.y + 0.2 * size];
}

const inside = ([left, top, right, bottom], width, height) =>
  left >= -0.5 && top >= -0.5 && right <= width - 0.5 && bottom <= height - 0.5;

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
