// Teaching: from a frozen frame or an image to a registered category.

import { addShot, furtherShots, joinInOrder, newDraft, predict, toBody } from "./draft.js";
import { api, part } from "./api.js";
import { during } from "./busy.js";
import { categories } from "./categories.js";
import { ask, byId, chooseFiles, h } from "./dom.js";
import { keepOnly, withImages } from "./draft_store.js";
import { isDoubtful } from "./doubts.js";
import { Editor } from "./editor.js";
import { asShots } from "./imports.js";
import { announce, attempt, counted, say } from "./messages.js";
import { Registrar } from "./registrar.js";
import { TeachPanel } from "./teach_panel.js";
import { TeachStage } from "./teach_stage.js";
import { KEYS, teachKey, TeachTools } from "./teach_tools.js";
import { sendFile } from "./uploads.js";

export class TeachView {
  #busy = false; // while the network is asked
  #adding = ""; // what goes on until another shot is there

  /** camera(): the chosen one's name. show(view): changes the view. watch(name): the live view
   * waits for the answer to a category. importFiles(files). */
  constructor({ camera, show, watch, importFiles }) {
    Object.assign(this, { camera, show });
    this.editor = new Editor();
    this.stage = new TeachStage(byId("teach-stage"), byId("hint"), this.editor);
    const actions = {
      freeze: () => this.freeze(),
      open: async () => this.fromFiles(await chooseFiles("image/*", true)),
      importFiles: async () => importFiles(await chooseFiles(".json,.xml,.zip,image/*", true)),
      register: () => this.registrar.register(),
      compare: () => this.registrar.compare(),
      discard: () => this.discard(),
      join: () => this.editor.change(joinInOrder(this.editor.draft)),
      predict: () => this.predict(),
      predictAll: () => this.predict(true),
      help: () => help(),
    };
    this.panel = new TeachPanel(byId("teach-side"), this.editor, actions);
    this.registrar = new Registrar(this.editor, this.panel.check, {
      show,
      watch,
      mayLeave: () => this.#mayLeave(),
      look: (name, point) => this.edit(name, () => undefined, point),
    });
    new TeachTools(byId("tools"), this.editor, this.stage.stage, actions);
    this.editor.addEventListener("change", () => this.#paint());
    document.addEventListener("keydown", (event) => {
      if (byId("view-teach").hidden || byId("view-teach").inert || document.querySelector("dialog[open]")) return;
      const parts = { ...actions, editor: this.editor, stage: this.stage.stage, keypoints: this.panel.keypoints };
      if (teachKey(event, parts)) event.preventDefault();
    });
    this.#paint();
    this.stage.refresh();
  }

  enter() {
    categories.refresh().catch(() => undefined); // the names that are taken by now
  }

  leave() {}

  /** Takes the newest frame of the camera as the next shot. */
  async freeze() {
    if (this.#adding) return;
    const { work } = this.editor;
    const frozen = await this.#whileAdding("Freezing the camera …", () =>
      attempt("The camera cannot be frozen", () => api.post("freeze", { camera: this.camera() })),
    );
    if (!frozen || work !== this.editor.work) return; // another draft was begun meanwhile
    const { image, width, height, camera, objects } = frozen;
    await this.#take({ image, width, height, source: camera }, objects);
  }

  /** Takes image files as the next shots. */
  async fromFiles(files) {
    for (const file of files) {
      const { work } = this.editor;
      const image = await this.#whileAdding(`Uploading ${file.name} …`, () => sendFile("images", file));
      if (work !== this.editor.work) return; // another draft was begun meanwhile
      if (image) await this.#take({ ...image, source: file.name });
    }
  }

  async #whileAdding(words, action) {
    this.#adding = words;
    this.#paint();
    try {
      return await action();
    } finally {
      this.#adding = "";
      this.#paint();
    }
  }

  /** Begins further shots of a registered category from the newest frame. */
  async another(category) {
    if (!(await this.#mayLeave())) return;
    this.editor.begin(furtherShots(category));
    this.show("teach");
    await this.freeze();
  }

  /** Begins a new object from the newest frame; goes on with the draft if there is one. */
  async fromFrame() {
    if (this.editor.draft && !(await this.#mayLeave())) return this.show("teach");
    this.editor.begin(newDraft());
    const { work } = this.editor;
    this.show("teach");
    await this.freeze();
    if (work === this.editor.work && !this.editor.current) this.editor.discard();
  }

  /** Opens a draft that came from elsewhere: an import, or a registered category. view: the address
   * of the view where a person asked for it; who has left it since is not called away. */
  async open(draft, view = location.hash) {
    if (view !== location.hash) {
      say(`${draft.name || "The object"} is ready to be edited`, "good", { action: { label: "Open", run: () => this.open(draft) } });
      return false;
    }
    if (!(await this.#mayLeave())) return false;
    this.editor.begin(draft);
    this.show("teach");
    return true;
  }

  /** Opens a registered category with all its shots, to be replaced. tell(words): how far it is.
   * point: {shot, keypoint} that is shown first. */
  async edit(name, tell, point = null) {
    const view = location.hash;
    let opened = 0;
    const draft = await attempt(`${name} cannot be opened`, async () => {
      const [{ keypoint_names, edges, symmetries, version, supports }, { doubtful }] = await Promise.all(
        ["", "/check"].map((path) => api.get(`categories/${part(name)}${path}`)),
      );
      const marksOf = (index, keypoints) =>
        keypoints.map((mark, keypoint) => (isDoubtful(doubtful, index, keypoint) ? { ...mark, doubtful: true } : mark));
      const shots = await Promise.all(
        supports.map(async ({ index, box, keypoints, automatic }) => {
          const blob = await api.blob(`categories/${part(name)}/shots/${index}`);
          const { image, width, height } = await api.upload("images", blob);
          opened += 1;
          if (supports.length > 1) tell(`Opening shot ${opened} of ${supports.length} …`);
          return { image, width, height, source: automatic ? "added automatically" : "registered", box, marks: marksOf(index, keypoints), automatic };
        }),
      );
      return { name, mode: "replace", version, keypoint_names, before: keypoint_names.map((_, i) => i), edges, symmetries, shots };
    });
    if (!draft || !(await this.open(draft, view)) || !point) return;
    this.editor.choose({ shot: point.shot, chosen: point.keypoint, tool: "point" });
  }

  /** Opens the views of a tracked category that the node suggests as further shots. */
  async suggested(category) {
    const view = location.hash;
    const shots = await attempt(`The shots of ${category.name} cannot be opened`, async () =>
      asShots(await api.post(`categories/${part(category.name)}/suggested_shots`, {}), "suggested"),
    );
    if (shots?.length) await this.open({ ...furtherShots(category), shots }, view);
    else if (shots) say("There are no suggested shots any more");
  }

  async #take(image, objects = []) {
    const { editor } = this;
    if (!editor.draft) editor.begin();
    const { draft } = editor;
    const shot = draft.shots.length;
    const begun = addShot(draft, image);
    if (shot === 0 && !draft.keypoint_names.length) editor.begin({ ...begun }, 0);
    else editor.change(begun, { shot, chosen: -1, tool: "point" });
    byId("teach-stage").focus({ preventScroll: true });
    const seen = objects.find(({ category, track_id }) => category === draft.name && track_id >= 0);
    if (seen) this.#use(seen);
    else if (draft.keypoint_names.length) await this.predict();
    else announce(`Frame of ${image.source}. Drag a box around the object, or click its first keypoint.`);
  }

  /** Lets the network place the keypoints of the shot in work: those without a place, or all. */
  async predict(all = false) {
    const { editor } = this;
    const { draft, shot, current } = editor;
    if (!current || this.#busy) return;
    if (!all && draft.keypoint_names.length && !current.marks.includes(null)) {
      return say("Every keypoint has its place. Replace all by prediction overwrites them.");
    }
    const registered = categories.get(draft.name);
    const same = registered?.keypoint_names.join("\n") === draft.keypoint_names.join("\n");
    if (!same && shot === 0) return say("The network can place keypoints once one shot is marked");
    this.#busy = true;
    let asked = null;
    const button = byId(all ? "predict-all" : "predict");
    const answer = await attempt("The network cannot place the keypoints", () => during(button, "Predicting …", () =>
      withImages(editor, ({ shots, ...rest }) => {
        const { image, box } = shots[shot];
        asked = image;
        const others = { ...rest, shots: shots.filter(({ marks }, i) => i !== shot && !marks.includes(null)) };
        const taught = { ...toBody(others), mode: "create", name: rest.name || "object" };
        return api.post("estimate", { image, box, ...(same ? { category: rest.name } : { draft: taught }) });
      }),
    ));
    this.#busy = false;
    const at = editor.draft?.shots.findIndex(({ image }) => image === asked) ?? -1;
    if (!answer || at < 0) return;
    if (editor.draft.keypoint_names.length !== draft.keypoint_names.length || draft.keypoint_names.some((name, i) => name !== editor.draft.keypoint_names[i])) {
      return say("The keypoints were changed meanwhile; press Predict again");
    }
    this.#use(answer.object, at, all);
  }

  #use(object, shot = this.editor.shot, all = false) {
    const { editor } = this;
    if (!object.keypoints.some(({ score }) => score > 0)) {
      say("The network does not find the object here: draw a box around it and press Predict");
      editor.choose({ tool: "box" });
      return;
    }
    editor.change(predict(editor.draft, shot, object, all), { tool: "point" });
    announce("The network has placed the keypoints. Correct the ones that are off.");
  }

  async discard() {
    if (await this.#mayLeave()) this.editor.discard();
  }

  /** Whether the draft in work may be thrown away. */
  async #mayLeave() {
    const { draft } = this.editor;
    if (!draft?.keypoint_names.length && !draft?.shots.length) return true;
    const untouched = draft.mode === "add_shots" && !draft.shots.length;
    if (untouched) return true;
    const answer = await ask(
      `Throw away ${draft.name || "the object in work"}?`,
      `It has ${counted(draft.keypoint_names.length, "keypoint")} and is not registered.`,
      [
        { label: "Keep it", value: "" },
        { label: "Throw away", value: "yes", kind: "danger" },
      ],
    );
    return answer === "yes";
  }

  #paint() {
    const { draft, current } = this.editor;
    document.querySelector('nav [data-view="teach"]').toggleAttribute("data-draft", Boolean(draft));
    const words = draft ? "Add a shot: freeze the camera, or open an image" : "Freeze the camera, or drop an image here";
    this.panel.lock(Boolean(this.#adding));
    this.stage.say(current ? "" : this.#adding || words);
    keepOnlySoon(this.editor);
  }
}

let timer = 0;

/** The browser's copies of images that no step of the draft needs any more are dropped. */
function keepOnlySoon(editor) {
  clearTimeout(timer);
  timer = setTimeout(() => keepOnly(editor.images), 5000);
}

function help() {
  const rows = KEYS.map(([keys, what]) => h("tr", {}, h("th", { scope: "row", text: keys }), h("td", { text: what })));
  ask("Keys", h("table", { class: "keys" }, ...rows), [{ label: "Close", value: "" }]);
}
