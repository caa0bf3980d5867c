// Interchangeable keypoints: permutations that leave the object as it is. [1, 0, 2] says that the first
// two of three keypoints can be exchanged. A permutation is shown by its cycles: mirror pairs are
// cycles of two, a ring of keypoints is one of more.

/** The keypoints that move: [[0, 1]] of [1, 0, 2]. */
export function cyclesOf(permutation) {
  const seen = new Set();
  const cycles = [];
  permutation.forEach((_, start) => {
    const cycle = [];
    for (let at = start; !seen.has(at); at = permutation[at]) {
      seen.add(at);
      cycle.push(at);
    }
    if (cycle.length > 1) cycles.push(cycle);
  });
  return cycles;
}

/** The permutation of `count` keypoints in which those of each cycle take each other's places. */
export function fromCycles(count, cycles) {
  const permutation = Array.from({ length: count }, (_, i) => i);
  for (const cycle of cycles) cycle.forEach((at, i) => (permutation[at] = cycle[(i + 1) % cycle.length]));
  return permutation;
}

/** In words, such as `left ↔ right` or `a → b → c → a`. */
export function describe(cycles, names) {
  const words = cycles.map((cycle) => {
    const called = cycle.map((i) => names[i]);
    return cycle.length === 2 ? called.join(" ↔ ") : [...called, called[0]].join(" → ");
  });
  return words.join(", ");
}

const isMirror = (permutation) => cyclesOf(permutation).every((cycle) => cycle.length === 2);
const isIdentity = (permutation) => permutation.every((to, at) => to === at);

/** With more mirror pairs: all pairs together are one permutation. A keypoint has its last partner. */
export function withPairs(symmetries, count, pairs) {
  const at = symmetries.findIndex(isMirror);
  const fresh = new Set(pairs.flat());
  const kept = at < 0 ? [] : cyclesOf(symmetries[at]).filter((pair) => !pair.some((i) => fresh.has(i)));
  const mirror = fromCycles(count, [...kept, ...pairs]);
  return at < 0 ? [...symmetries, mirror] : symmetries.map((known, i) => (i === at ? mirror : known));
}

/** With one more permutation, if it is not there already. */
export function withRings(symmetries, count, rings) {
  const added = fromCycles(count, rings);
  return symmetries.some((known) => String(known) === String(added)) ? symmetries : [...symmetries, added];
}

/** After a keypoint is added: it stays where it is. */
export const withKeypoint = (symmetries) => symmetries.map((known) => [...known, known.length]);

/** After a keypoint is removed: a ring without it is none any more, and its partner has no other. */
export function withoutKeypoint(symmetries, keypoint) {
  const after = (i) => (i > keypoint ? i - 1 : i);
  return symmetries
    .map((known) => {
      const cycles = cyclesOf(known).filter((cycle) => !cycle.includes(keypoint));
      return fromCycles(known.length - 1, cycles.map((cycle) => cycle.map(after)));
    })
    .filter((known) => !isIdentity(known));
}

/** order: the keypoints by their number before. */
export const reordered = (symmetries, order) => symmetries.map((known) => order.map((i) => order.indexOf(known[i])));
