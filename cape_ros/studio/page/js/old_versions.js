// Versions that were replaced or removed, and restoring them.

import { api, part } from "./api.js";
import { categories } from "./categories.js";
import { h } from "./dom.js";
import { attempt, counted, say } from "./messages.js";
import { thumbnail } from "./thumbnail.js";

/** Registers an old version again. base: the present version, null if the category was removed. */
export async function restore(name, version, base) {
  const path = `categories/${part(name)}/versions/${version}/restore`;
  const done = await attempt(`${name} cannot be restored`, () => api.post(path, { base_version: base }));
  if (done) say(`Restored version ${version} of ${name} as version ${done.version}`, "good");
  await categories.refresh().catch(() => undefined);
}

/** What a message offers after a change that replaced or removed a version; arguments as of `restore`. */
export function undo(name, version, base) {
  return { label: "Undo", run: () => restore(name, version, base) };
}

/** A list of the old versions of a registered category, filled as soon as they are there. */
export function oldVersions({ name, version }) {
  const list = h("ul", { class: "old-versions" });
  const section = h("section", { "aria-label": "Earlier versions", hidden: true }, h("h3", { text: "Earlier versions" }), list);
  api.get(`categories/${part(name)}/versions`).then((old) => {
    list.replaceChildren(...old.map((each) => item(name, each, version)));
    section.hidden = !old.length;
  }, () => undefined); // the category itself is shown all the same
  return section;
}

/** The removed categories, each with a button that restores it; null if there are none. */
export function removedCategories() {
  if (!categories.removed.length) return null;
  const items = categories.removed.map(({ name, version }) =>
    h("li", {}, h("span", { called: name }), h("span", { class: "soft small", text: `version ${version}` }), button(name, version, null)),
  );
  return h("section", { class: "removed", "aria-label": "Removed" }, h("h2", { text: "Removed" }), h("ul", {}, ...items));
}

function item(name, { version, keypoint_names: names, edges, supports }, present) {
  const source = `api/categories/${part(name)}/versions/${version}/shots/0?width=240`;
  const words = `${counted(names.length, "keypoint")} · ${counted(supports.length, "shot")}`;
  return h(
    "li",
    {},
    thumbnail(source, supports[0], edges, { dot: 0.02, alt: `Version ${version}: ${names.join(", ")}` }),
    h("div", {}, h("strong", { text: `version ${version}` }), h("p", { class: "soft small", text: words })),
    button(name, version, present),
  );
}

function button(name, version, base) {
  const label = `Restore version ${version} of ${name}`;
  return h("button", { type: "button", class: "tiny", text: "Restore", "aria-label": label, onclick: () => restore(name, version, base) });
}
