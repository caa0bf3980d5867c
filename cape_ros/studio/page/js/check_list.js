// What is still to do before a draft can be registered, in the order of the work.

import { confirm, hide, problems, toBody } from "./draft.js";
import { api } from "./api.js";
import { categories } from "./categories.js";
import { h } from "./dom.js";
import { isForgotten } from "./draft_store.js";

const QUIET = 500; // milliseconds without a change before the server is asked

export class CheckList {
  #timer = 0;
  #asked = 0;

  /** compare(): shows what somebody else changed meanwhile. */
  constructor(editor, compare) {
    this.editor = editor;
    this.compare = compare;
    this.title = h("h2", { id: "check-title", tabindex: "-1" });
    this.list = h("ul", { class: "problems" });
    this.element = h("section", { "aria-labelledby": "check-title" }, this.title, this.list);
    editor.addEventListener("change", () => this.refresh());
    categories.addEventListener("change", () => this.refresh());
  }

  /** The problems that the page itself sees. */
  get problems() {
    return this.editor.draft ? problems(this.editor.draft, categories) : [];
  }

  refresh() {
    clearTimeout(this.#timer);
    if (!this.editor.draft) return;
    const found = this.problems;
    this.#asked += 1;
    this.#show(found);
    if (!found.length) this.#timer = setTimeout(() => this.#askServer(this.#asked), QUIET);
  }

  async #askServer(asked) {
    const answer = await api.post("categories/check", toBody(this.editor.draft)).catch(() => null);
    // An image that the server has forgotten is sent again at the registration.
    if (answer && asked === this.#asked) this.show(answer.faults.filter((fault) => !isForgotten({ faults: [fault] })));
  }

  /** Shows what the server found. */
  show(faults) {
    this.#show(faults.map((fault) => explain(fault, this.editor.draft)));
  }

  #show(found) {
    this.title.textContent = found.length ? `Before it can be registered (${found.length})` : "Ready to register";
    this.title.classList.toggle("good", !found.length);
    this.list.replaceChildren(...found.map((problem) => this.#item(problem)));
  }

  #item(problem) {
    const { editor } = this;
    const item = h("li");
    const goes = problem.shot !== undefined || problem.keypoint !== undefined || problem.field;
    item.append(
      goes
        ? h("button", { type: "button", class: "link-button", text: problem.text, onclick: () => this.#goTo(problem) })
        : h("span", { text: problem.text }),
    );
    const fixes = {
      hide: ["Not seen here", () => this.#hideOpen(problem.shot)],
      confirm: ["All are right", () => confirm(editor.draft, problem.shot)],
      replace: ["Replace it", () => ({ ...editor.draft, mode: "replace", base: categories.get(editor.draft.name)?.version })],
    };
    if (problem.fix === "compare") {
      item.append(h("button", { type: "button", class: "tiny", text: "Compare…", onclick: this.compare }));
    } else if (problem.fix) {
      const [text, fix] = fixes[problem.fix];
      item.append(h("button", { type: "button", class: "tiny", text, onclick: () => editor.change(fix()) }));
    }
    return item;
  }

  #hideOpen(shot) {
    const { draft } = this.editor;
    return draft.shots[shot].marks.reduce((made, mark, i) => (mark ? made : hide(made, shot, i)), draft);
  }

  #goTo({ shot, keypoint, field }) {
    if (field === "name") return document.getElementById("object-name").focus();
    this.editor.choose({ ...(shot !== undefined && { shot }), ...(keypoint !== undefined && { chosen: keypoint }) });
    if (shot !== undefined) document.getElementById("teach-stage").focus();
    else document.querySelectorAll(".keypoints input")[keypoint]?.focus();
  }
}

/** A fault of the server in words of the page: {text, shot?, keypoint?, fix?}. */
export function explain({ field, reason, code }, draft) {
  if (code === "conflict") return { text: reason, fix: "compare" };
  const shot = field.match(/^shots\[(\d+)\]/)?.[1];
  const keypoint = field.match(/keypoint(?:s|_names)\[(\d+)\]/)?.[1];
  const words = [];
  if (shot !== undefined && draft.shots.length > 1) words.push(`Shot ${Number(shot) + 1}`);
  if (keypoint !== undefined) words.push(draft.keypoint_names[keypoint] || `keypoint ${Number(keypoint) + 1}`);
  else if (field) words.push(field.replace(/^shots\[\d+\]\.?/, "").replace(/_/g, " "));
  const text = [words.filter(Boolean).join(", "), reason].filter(Boolean).join(": ");
  const at = (value) => (value === undefined ? undefined : Number(value));
  return { text, shot: at(shot), keypoint: at(keypoint), field: field === "name" ? "name" : undefined };
}
