// Colours of keypoints where no score is known.

/** By the keypoint's number: hues far apart. */
export function keypointColor(index) {
  return `hsl(${(353 + index * 222.5) % 360} 90% ${index % 2 ? 74 : 64}%)`;
}
