// Looking at points in space from any side: rotations, a parallel projection, and a scale bar.
//
// A view is {rotation: three rows, zoom}; it turns the object's frame into one whose x points to the
// right of the screen, y down and z away from the person.

const CLOSEST = 8;
const FARTHEST = 0.5;
const STEPS = [1, 2, 5]; // lengths of a scale bar, times a power of ten

const product = (a, b) => a.map((row) => [0, 1, 2].map((k) => row.reduce((sum, value, i) => sum + value * b[i][k], 0)));

/** Rotated about the screen's axes by angles in radians: to the right, and down. */
export function turned(view, right, down) {
  const [c, s, d, t] = [Math.cos(right), Math.sin(right), Math.cos(down), Math.sin(down)];
  const across = [[c, 0, -s], [0, 1, 0], [s, 0, c]];
  const over = [[1, 0, 0], [0, d, t], [0, -t, d]];
  return { ...view, rotation: product(over, product(across, view.rotation)) };
}

export function zoomed(view, factor) {
  return { ...view, zoom: Math.min(CLOSEST, Math.max(FARTHEST, view.zoom * factor)) };
}

/** The middle and the radius of the sphere around points [[x, y, z]]. */
export function bounds(points) {
  const middle = [0, 1, 2].map((i) => {
    const values = points.map((point) => point[i]);
    return (Math.min(...values) + Math.max(...values)) / 2;
  });
  const radius = Math.max(...points.map((point) => Math.hypot(...point.map((value, i) => value - middle[i]))));
  return { middle, radius: radius || 0.01 };
}

/** A function from a point [x, y, z] to its place {x, y, away} on a screen of width x height pixels;
 * away: -1 = nearest, 1 = farthest. scale: pixels of one unit. */
export function projection({ rotation, zoom }, { middle, radius }, { width, height }, share) {
  const scale = (share * zoom * Math.min(width, height)) / (2 * radius);
  const place = (point) => {
    const from = point.map((value, i) => value - middle[i]);
    const [x, y, z] = rotation.map((row) => row.reduce((sum, value, i) => sum + value * from[i], 0));
    return { x: width / 2 + x * scale, y: height / 2 + y * scale, away: Math.max(-1, Math.min(1, z / radius)) };
  };
  return { place, scale };
}

/** A round length of at most `most` pixels: {metres, pixels}. scale: pixels of a metre. */
export function scaleBar(scale, most) {
  const longest = most / scale;
  const power = 10 ** Math.floor(Math.log10(longest));
  const metres = power * STEPS.findLast((step) => step * power <= longest * (1 + 1e-9));
  return { metres, pixels: metres * scale };
}

/** A length in words. */
export function inWords(metres) {
  if (metres < 0.0095) return `${+(metres * 1000).toPrecision(2)} mm`;
  if (metres < 0.995) return `${+(metres * 100).toPrecision(2)} cm`;
  return `${+metres.toPrecision(2)} m`;
}

/** A distance in metres, to the millimetre unless told otherwise. */
export const inMetres = (metres, digits = 3) => `${metres.toFixed(digits)} m`;
