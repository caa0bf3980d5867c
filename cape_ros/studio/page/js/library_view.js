// The registered categories: thumbnails, versions, shots, and what can be done with them.

import { api, part } from "./api.js";
import { during } from "./busy.js";
import { categories } from "./categories.js";
import { CategorySpace } from "./category_space.js";
import { isConflict } from "./conflict.js";
import { ask, byId, h } from "./dom.js";
import { showDoubts } from "./doubts.js";
import { readAnnotations, takeDrafts } from "./imports.js";
import { attempt, counted, say } from "./messages.js";
import { oldVersions, removedCategories, undo } from "./old_versions.js";
import { askForName } from "./renaming.js";
import { cyclesOf, describe } from "./symmetries.js";
import { thumbnail } from "./thumbnail.js";

const FORMATS = [
  ["folder", "Category folder (zip)"],
  ["labelme", "labelme JSON"],
  ["coco", "COCO keypoints JSON"],
  ["cvat", "CVAT XML"],
];
const CARD = 320; // pixels of a card's picture

export class LibraryView {
  #chosen = null;
  #space = new CategorySpace();
  #painted = 0; // how often; an answer that comes after a newer one is not shown

  /** teach: a `TeachView`. tryOut(name). chooseFiles(): resolves to files to import. */
  constructor({ teach, tryOut, chooseFiles }) {
    Object.assign(this, { teach, tryOut });
    categories.addEventListener("change", () => this.#paint());
    byId("library-teach").addEventListener("click", () => teach.fromFrame());
    byId("import").addEventListener("click", async () => this.importFiles(await chooseFiles()));
  }

  enter() {
    this.shown = true;
    attempt("The library cannot be read", () => categories.refresh());
  }

  leave() {
    this.shown = false;
  }

  async importFiles(files) {
    if (!files.length) return;
    const view = location.hash;
    await takeDrafts(await readAnnotations(files), (draft) => this.teach.open(draft, view), () => categories.refresh());
  }

  async #paint() {
    if (!this.shown) return;
    const known = categories.all();
    if (!categories.get(this.#chosen)) this.#close();
    const painted = (this.#painted += 1);
    const details = await Promise.all(known.map(({ name }) => api.get(`categories/${part(name)}`).catch(() => null)));
    if (painted !== this.#painted) return;
    const cards = details.filter(Boolean).map((category) => this.#card(category));
    const empty = h("p", { class: "empty", text: "Nothing is registered yet. Teach an object, or import annotations." });
    byId("cards").replaceChildren(...(cards.length ? cards : [empty]), removedCategories() ?? "");
    const chosen = details.find((category) => category?.name === this.#chosen);
    if (chosen) this.#open(chosen);
  }

  #card(category) {
    const { name, version, keypoint_names, supports, edges, active } = category;
    const open = h("button", {
      type: "button",
      class: "card-open",
      "aria-label": `Show ${name}`,
      "aria-expanded": String(name === this.#chosen),
      onclick: () => this.#open(category),
    });
    open.append(thumbnail(address(category, 0, CARD), supports[0], edges));
    const toggle = h("input", {
      type: "checkbox",
      role: "switch",
      onchange: () => this.#activate(name, toggle.checked),
    });
    toggle.checked = active;
    return h(
      "article",
      {
        class: `card${name === this.#chosen ? " chosen" : ""}`,
        "aria-label": name,
        onclick: ({ target }) => target.closest("button, .switch") || this.#open(category),
      },
      open,
      h("h2", { called: name }),
      h("p", { class: "soft small", text: `version ${version} · ${counted(keypoint_names.length, "keypoint")} · ${counted(supports.length, "shot")}` }),
      h("label", { class: "switch" }, toggle, h("span", { text: "Look for it" })),
    );
  }

  #open(category) {
    const { name, version, keypoint_names, edges, symmetries, supports } = category;
    this.#chosen = name;
    for (const card of document.querySelectorAll(".card")) {
      const chosen = card.getAttribute("aria-label") === name;
      card.classList.toggle("chosen", chosen);
      card.querySelector(".card-open").setAttribute("aria-expanded", chosen);
    }
    const button = (text, onclick, kind = "") => h("button", { type: "button", class: kind, text, onclick });
    const pictures = supports.map((shot, i) =>
      h("li", {}, thumbnail(address(category, i, 480), shot, edges, { dot: 0.011, alt: `Shot ${i + 1} of ${name}` }), added(shot), hidden(shot, keypoint_names)),
    );
    showDoubts(category, pictures, (point, tell) => this.teach.edit(name, tell, point));
    this.#space.show(category);
    const side = byId("category");
    side.hidden = false;
    side.replaceChildren(
      h(
        "div",
        { class: "heading" },
        h("h2", { called: name }),
        h("span", { class: "soft small", text: `version ${version}` }),
        h("span", { class: "gap" }),
        h("button", { type: "button", class: "quiet icon", text: "×", "aria-label": "Close", onclick: () => this.#close() }),
      ),
      h(
        "div",
        { class: "heading more" },
        button("Add a shot", () => this.teach.another(category), "primary"),
        button("Try out", () => this.tryOut(name)),
        button("Edit", ({ currentTarget }) => during(currentTarget, "Opening …", (tell) => this.teach.edit(name, tell))),
        button("Rename", () => this.#rename(category)),
        button("Remove", () => this.#remove(category), "danger"),
      ),
      this.#space.element,
      h("h3", { text: counted(supports.length, "shot") }),
      h("ul", { class: "big-shots" }, ...pictures),
      this.#suggested(category) ?? "",
      this.#automatic(category) ?? "",
      h("h3", { text: counted(keypoint_names.length, "keypoint") }),
      h("p", { called: keypoint_names.join(", ") }),
      ...interchangeable(symmetries, keypoint_names),
      oldVersions(category),
      h("h3", { text: "Export" }),
      h(
        "div",
        { class: "heading more" },
        ...FORMATS.map(([format, text]) =>
          h("a", { class: "button tiny", href: `api/categories/${part(name)}/export?format=${format}`, download: "", text }),
        ),
      ),
    );
  }

  /** What opens the views that would help as shots; null if there are none. */
  #suggested(category) {
    if (!category.suggested) return null;
    const open = ({ currentTarget }) => during(currentTarget, "Opening …", () => this.teach.suggested(category));
    const text = category.suggested > 1 ? `Check ${category.suggested} suggested shots` : "Check the suggested shot";
    return h("p", {}, h("button", { type: "button", class: "tiny", text, title: "Views of the tracked object that differ most from its shots", onclick: open }));
  }

  /** What removes the shots that the node added itself; null if there are none, or no others. */
  #automatic(category) {
    const { name, version, supports } = category;
    const count = supports.filter(({ automatic }) => automatic).length;
    if (!count || count === supports.length) return null;
    const remove = async ({ currentTarget }) => {
      const path = `categories/${part(name)}/automatic_shots?base_version=${version}`;
      const send = () => attempt(name, async () => (await api.remove(path)).json());
      const done = await during(currentTarget, "Removing …", send);
      await categories.refresh();
      if (done) say(`Removed ${counted(count, "automatic shot")} of ${name}`, "", { action: undo(name, version, done.version) });
    };
    const text = count > 1 ? `Remove the ${count} automatic shots` : "Remove the automatic shot";
    return h("p", {}, h("button", { type: "button", class: "tiny", text, onclick: remove }));
  }

  #close() {
    this.#chosen = null;
    byId("category").hidden = true;
    for (const card of document.querySelectorAll(".card.chosen")) card.classList.remove("chosen");
  }

  async #activate(name, active) {
    const done = await attempt(name, () => api.post(`categories/${part(name)}/activation`, { active }));
    if (done) say(active ? `${name} is looked for` : `${name} is not looked for any more`);
    await categories.refresh();
  }

  async #rename(category) {
    const name = await askForName(category);
    if (name === category.name) return;
    this.#chosen = name;
    this.#paint();
  }

  async #remove({ name, version, supports }, changed = "") {
    const answer = await ask(`Remove ${name}?`, `${changed}Its ${counted(supports.length, "shot")} and keypoints are not looked for any more. The last 20 removed categories can be restored.`, [
      { label: "Keep it", value: "" },
      { label: "Remove", value: "yes", kind: "danger" },
    ]);
    if (answer !== "yes") return;
    const done = await attempt(name, () =>
      api.remove(`categories/${part(name)}?base_version=${version}`).catch((error) => {
        if (isConflict(error)) return error;
        if (error.status === 404) return null; // somebody else removed it
        throw error;
      }),
    );
    await categories.refresh();
    if (done === undefined) return;
    if (!isConflict(done ?? {})) {
      const gone = done === null;
      return say(`${name} is removed`, "", { action: gone ? null : undo(name, version, null) });
    }
    const present = await attempt(name, () => api.get(`categories/${part(name)}`));
    if (present) await this.#remove(present, `Somebody changed it meanwhile: it is version ${present.version} now. `);
  }
}

/** Where the picture of a shot is; the version keeps old pictures out of the cache. */
function address({ name, version }, shot, width) {
  return `api/categories/${part(name)}/shots/${shot}?width=${width}&version=${version}`;
}

function added({ automatic }) {
  return automatic ? h("p", { class: "soft small", text: "added automatically" }) : null;
}

function interchangeable(symmetries, names) {
  if (!symmetries.length) return [];
  const items = symmetries.map((each) => h("li", { text: describe(cyclesOf(each), names) }));
  return [h("h3", { text: "Interchangeable" }), h("ul", {}, ...items)];
}

function hidden({ keypoints }, names) {
  const unseen = names.filter((_, i) => !keypoints[i].visible);
  return unseen.length ? h("p", { class: "soft small", text: `hidden: ${unseen.join(", ")}` }) : null;
}
