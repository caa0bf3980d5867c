// The panel beside the image in work: name, shots, keypoints, what is missing, Register.

import { isFixed, removeShot } from "./draft.js";
import { picture } from "./draft_store.js";
import { CheckList } from "./check_list.js";
import { byId, field, h, nameInput, setText } from "./dom.js";
import { KeypointList } from "./keypoint_list.js";
import { SymmetryList } from "./symmetry_list.js";
import { thumbnail } from "./thumbnail.js";

export class TeachPanel {
  #addresses = new Map(); // image ID -> object URL

  /** actions: freeze(), open(), importFiles(), register(), compare(), discard(), join(). */
  constructor(root, editor, actions) {
    this.editor = editor;
    this.check = new CheckList(editor, actions.compare);
    this.keypoints = new KeypointList(editor);
    this.symmetries = new SymmetryList(editor);
    this.start = this.#startPart(actions);
    this.work = this.#workPart(actions);
    root.append(this.start, this.work);
    editor.addEventListener("change", () => this.paint());
    this.paint();
    this.check.refresh();
  }

  #startPart({ freeze, open, importFiles }) {
    const step = (title, words) => h("li", {}, h("strong", { text: title }), h("span", { text: words }));
    return h(
      "div",
      { class: "start" },
      h("h2", { text: "Teach an object" }),
      h("p", { class: "soft", text: "One image is enough for a start; more shots make it surer." }),
      h("button", { type: "button", class: "primary wide", id: "freeze", dataset: { adds: "" }, text: "Freeze the camera", onclick: freeze }),
      h("button", { type: "button", class: "wide", dataset: { adds: "" }, text: "Open an image…", onclick: open }),
      h("button", { type: "button", class: "wide", text: "Import annotations…", onclick: importFiles }),
      h(
        "ol",
        { class: "steps" },
        step("Box", "Drag around the object, or leave it out."),
        step("Click", "the keypoints, in an order that you can repeat."),
        step("Name", "them, and connect them if you like."),
        step("Register", "and watch the live view answer."),
      ),
    );
  }

  #workPart({ freeze, open, register, discard, join }) {
    const { editor } = this;
    this.title = h("h2");
    this.name = nameInput({
      id: "object-name",
      placeholder: "mug",
      pattern: "[A-Za-z0-9][A-Za-z0-9_.\\-]*",
      oninput: () => {
        const name = this.name.value.trim().replace(/\s+/g, "_");
        const mode = editor.draft.mode === "replace" && !editor.draft.version ? "create" : editor.draft.mode;
        editor.change({ ...editor.draft, name, mode }, {}, "object name");
      },
    });
    this.shots = h("ul", { class: "shots", "aria-label": "Shots" });
    this.join = h("button", { type: "button", class: "tiny", text: "Connect in order", onclick: join });
    return h(
      "div",
      { class: "working" },
      h(
        "div",
        { class: "heading" },
        this.title,
        h("span", { class: "gap" }),
        h("button", { type: "button", class: "quiet danger", text: "Discard", onclick: discard }),
      ),
      field("Name of the object", this.name),
      h(
        "section",
        { "aria-label": "Shots" },
        h("div", { class: "heading" }, h("h3", { text: "Shots" })),
        this.shots,
        h(
          "div",
          { class: "heading more" },
          h("button", { type: "button", class: "tiny", dataset: { adds: "" }, text: "+ Freeze the camera", onclick: freeze }),
          h("button", { type: "button", class: "tiny", dataset: { adds: "" }, text: "+ Image…", onclick: open }),
        ),
      ),
      h(
        "section",
        { "aria-label": "Keypoints" },
        h("div", { class: "heading" }, h("h3", { text: "Keypoints" }), h("span", { class: "gap" }), this.join),
        this.keypoints.element,
      ),
      this.symmetries.element,
      this.check.element,
      h("button", { type: "button", class: "primary wide", id: "register", text: "Register", onclick: register }),
    );
  }

  /** Lets no further shot be added while one is on its way. */
  lock(busy) {
    for (const button of byId("teach-side").querySelectorAll("[data-adds]")) {
      button.disabled = busy;
      button.setAttribute("aria-busy", busy);
    }
  }

  paint() {
    const { draft } = this.editor;
    this.start.hidden = Boolean(draft);
    this.work.hidden = !draft;
    if (!draft) return;
    const titles = { create: "New object", replace: `Edit ${draft.name}`, add_shots: `More shots of ${draft.name}` };
    setText(this.title, titles[draft.mode]);
    if (this.name.value.trim().replace(/\s+/g, "_") !== draft.name) this.name.value = draft.name;
    this.name.readOnly = draft.mode !== "create" && draft.version > 0;
    this.join.hidden = isFixed(draft) || draft.keypoint_names.length < 2;
    const verbs = { create: "Register", replace: "Replace", add_shots: `Add ${draft.shots.length > 1 ? "shots" : "shot"}` };
    const button = byId("register");
    if (!button.hasAttribute("aria-busy")) setText(button, verbs[draft.mode]);
    this.symmetries.paint();
    this.#paintShots();
  }

  #paintShots() {
    const { editor } = this;
    const { draft, shot: current } = editor;
    const items = draft.shots.map((shot, i) => {
      const label = `Shot ${i + 1}${shot.source ? `, ${shot.source}` : ""}`;
      const show = h("button", {
        type: "button",
        class: "shot",
        title: label,
        "aria-label": label,
        "aria-pressed": String(i === current),
        onclick: () => editor.choose({ shot: i, chosen: -1, chain: -1 }),
      });
      show.append(thumbnail(this.#address(shot.image), { ...shot, keypoints: shot.marks }, draft.edges, { dot: 0.03 }));
      const remove = h("button", {
        type: "button",
        class: "quiet remove",
        text: "×",
        "aria-label": `Remove shot ${i + 1}`,
        onclick: () => editor.change(removeShot(draft, i), { chosen: -1 }),
      });
      const automatic = shot.automatic ? h("span", { class: "automatic", "aria-hidden": "true", text: "auto" }) : null;
      return h("li", {}, show, remove, automatic);
    });
    this.shots.replaceChildren(...items);
  }

  /** Where a thumbnail finds the picture: the browser's own copy, as soon as it is there. */
  #address(image) {
    if (!this.#addresses.has(image)) {
      this.#addresses.set(image, "");
      picture(image).then((blob) => {
        this.#addresses.set(image, URL.createObjectURL(blob));
        if (this.editor.draft) this.#paintShots();
      }, () => this.#addresses.delete(image));
    }
    return this.#addresses.get(image);
  }
}
