// Registers the draft, and settles what somebody else changed meanwhile.

import { api } from "./api.js";
import { during } from "./busy.js";
import { categories } from "./categories.js";
import { isConflict, settle } from "./conflict.js";
import { baseOf, toBody } from "./draft.js";
import { byId } from "./dom.js";
import { withImages } from "./draft_store.js";
import { announce, attempt, counted, say, settled } from "./messages.js";
import { undo } from "./old_versions.js";

const TOPIC = "registration";

export class Registrar {
  /** check: the `CheckList`. show(view). watch(name): the live view waits for the answer to a
   * category. mayLeave(): whether the draft in work may be thrown away. look(name, point): opens a
   * category at a point {shot, keypoint}. */
  constructor(editor, check, { show, watch, mayLeave, look }) {
    Object.assign(this, { editor, check, show, watch, mayLeave, look });
    editor.addEventListener("change", () => settled(TOPIC));
  }

  async register() {
    const { problems } = this.check;
    if (problems.length) {
      this.check.title.focus();
      announce(`Not yet: ${problems.map(({ text }) => text).join("; ")}`);
      return;
    }
    const refused = await during(byId("register"), "Registering …", () => this.#send());
    if (!refused) return;
    this.check.show(refused.faults);
    if (isConflict(refused)) await this.#settle(refused.present);
    else say(`Not registered: ${refused.message}`, "bad", { topic: TOPIC });
  }

  /** Shows what somebody else made of the category meanwhile. */
  async compare() {
    await categories.refresh().catch(() => undefined);
    await this.#settle(categories.get(this.editor.draft.name)?.version ?? null);
  }

  /** Resolves to the refusal, undefined if there is none. What is sent cannot be edited on the way. */
  async #send() {
    const view = byId("view-teach");
    view.inert = true;
    try {
      const answer = await withImages(this.editor, (draft) => api.post("categories", toBody(draft)));
      const { name, message, version, doubtful } = answer;
      const { mode } = this.editor.draft;
      const base = baseOf(this.editor.draft);
      this.editor.discard();
      await categories.refresh().catch(() => undefined);
      this.watch(name);
      const live = { label: "Show live", run: () => this.show("live") };
      const stays = !view.hidden;
      if (stays) this.show("live");
      const action = mode === "replace" && base ? undo(name, base, version) : stays ? null : live;
      say(`Registered ${message}`, "good", { action });
      if (doubtful.length) {
        const words = `${counted(doubtful.length, "point")} of ${name} may be marked wrongly: the other shots find ${doubtful.length > 1 ? "them" : "it"} elsewhere`;
        say(words, "", { action: { label: "Look at it", run: () => this.look(name, doubtful[0]) } });
      }
      return undefined;
    } catch (error) {
      if (!error.faults) throw error;
      return error;
    } finally {
      view.inert = false;
    }
  }

  async #takeBack() {
    if (!(await this.mayLeave())) return;
    this.editor.takeBack();
    this.show("teach");
  }

  async #settle(present) {
    const { draft } = this.editor;
    const answer = await attempt("The two versions cannot be compared", async () => {
      await categories.refresh();
      return settle(draft, present);
    });
    if (answer === "theirs") {
      this.editor.giveUp();
      this.show("library");
      const words = present === null ? `Your shots of ${draft.name} are discarded` : `${draft.name} stays at version ${present}; yours is discarded`;
      say(words, "", { action: { label: "Undo", run: () => this.#takeBack() } });
    } else if (answer) {
      this.editor.change(answer);
      if (answer.mode !== "create" || present === null) await this.register();
      else byId("object-name").select();
    }
  }
}
