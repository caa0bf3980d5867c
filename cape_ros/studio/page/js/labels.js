// Where names stand beside their points, so that they cover neither each other nor other points.

const LETTER = 0.62; // widths of a letter in font sizes, about
const GAP = 0.75; // between point and name, in font sizes

/** points: [{x, y}]. names: a text of each, "" for none. size: of the font, in image pixels.
 * Returns for each {x, y, anchor} relative to its point. */
export function placeNames(points, names, size, { width, height }) {
  const half = 0.45 * size;
  const taken = points.map(({ x, y }) => [x - half, y - half, x + half, y + half]);
  return points.map((point, i) => {
    const long = LETTER * size * names[i].length;
    const places = [
      { x: GAP * size, y: 0.35 * size, anchor: "start" },
      { x: -GAP * size, y: 0.35 * size, anchor: "end" },
      { x: 0, y: -0.8 * size, anchor: "middle" },
      { x: 0, y: 1.5 * size, anchor: "middle" },
      { x: GAP * size, y: -0.5 * size, anchor: "start" },
      { x: -GAP * size, y: -0.5 * size, anchor: "end" },
    ];
    const around = places.map((place) => frame(point, place, long, size));
    const free = around.findIndex(
      (box) => inside(box, width, height) && !taken.some((other, k) => k !== i && overlap(box, other)),
    );
    const at = free >= 0 ? free : around.findIndex((box) => inside(box, width, height));
    const chosen = Math.max(0, at);
    if (names[i]) taken.push(around[chosen]);
    return places[chosen];
  });
}

function frame({ x, y }, place, long, size) {
  const left = x + place.x - { start: 0, middle: long / 2, end: long }[place.anchor];
  return [left, y + place.y - 0.85 * size, left + long, y + place.y + 0.2 * size];
}

const inside = ([left, top, right, bottom], width, height) =>
  left >= -0.5 && top >= -0.5 && right <= width - 0.5 && bottom <= height - 0.5;

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
