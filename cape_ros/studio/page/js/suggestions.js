// Names for keypoints: those of the registered categories, then words that fit many objects.

import { categories } from "./categories.js";
import { byId, h } from "./dom.js";

const COMMON = [
  "top", "bottom", "left", "right", "front", "back", "center", "tip", "base", "rim_left", "rim_right",
  "handle", "handle_top", "handle_bottom", "spout", "lid", "neck", "corner_top_left", "corner_top_right",
  "corner_bottom_left", "corner_bottom_right", "edge_left", "edge_right", "hole", "screw", "button",
  "plug", "hinge", "knob", "head", "tail", "nose", "eye_left", "eye_right",
];

export function keepSuggestions() {
  const paint = () => {
    const known = categories.all().flatMap((category) => category.keypoint_names);
    const names = [...new Set([...known, ...COMMON])].filter((name) => !/^point_\d+$/.test(name));
    byId("name-suggestions").replaceChildren(...names.map((value) => h("option", { value })));
  };
  categories.addEventListener("change", paint);
  paint();
}
