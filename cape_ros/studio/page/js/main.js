// Starts the page: views by the address, the camera, files that are dropped.

import { api } from "./api.js";
import { categories } from "./categories.js";
import { byId, chooseFiles, h } from "./dom.js";
import { isAnnotation } from "./imports.js";
import { LibraryView } from "./library_view.js";
import { LiveView } from "./live_view.js";
import { attempt } from "./messages.js";
import { keepSuggestions } from "./suggestions.js";
import { TeachView } from "./teach_view.js";
import { TryView } from "./try_view.js";

const TITLES = { live: "Live", teach: "Teach", library: "Library", try: "Try out" };
const LOOK_FOR_CAMERAS = 3000; // milliseconds

const camera = () => byId("camera").value;
const show = (view) => (location.hash = view);
const annotationFiles = () => chooseFiles(".json,.xml,.zip,image/*", true);

const teach = new TeachView({
  camera,
  show,
  watch: (name) => views.live.watch(name),
  importFiles: (files) => views.library.importFiles(files),
});
const views = {
  teach,
  live: new LiveView({ camera, teach }),
  try: new TryView({ camera }),
  library: new LibraryView({
    teach,
    chooseFiles: annotationFiles,
    tryOut: (name) => {
      views.try.take(name);
      show("try");
    },
  }),
};
let shown = null;

function route() {
  const wanted = location.hash.slice(1);
  const view = wanted in views ? wanted : "live";
  if (view === shown) return;
  const before = shown;
  if (before) views[before].leave();
  shown = view;
  for (const name of Object.keys(views)) byId(`view-${name}`).hidden = name !== view;
  for (const link of document.querySelectorAll("nav [data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${TITLES[view]} · cape studio`;
  scrollTo(0, 0);
  // What had the focus may be hidden now; who came by a link stays there.
  if (before && !document.activeElement?.closest("nav")) byId("main").focus({ preventScroll: true });
  views[view].enter();
}

async function lookForCameras() {
  const known = await api.get("cameras").catch(() => []);
  const select = byId("camera");
  const names = known.map((each) => each.camera);
  const before = [...select.options].map((option) => option.value);
  if (names.length && names.join("\n") !== before.join("\n")) {
    const chosen = select.value;
    select.replaceChildren(...names.map((name) => h("option", { value: name, called: name })));
    if (names.includes(chosen)) select.value = chosen;
    else views.live.reopen();
  }
  select.parentElement.hidden = names.length === 0;
  setTimeout(lookForCameras, LOOK_FOR_CAMERAS);
}

/** Dropped files go where they fit: annotations are imported, images and videos are taught or tried. */
async function take(files) {
  if (files.some(isAnnotation)) return views.library.importFiles(files);
  if (shown === "try") return views.try.fromFiles(files);
  show("teach");
  return teach.fromFiles(files);
}

function acceptDrops() {
  const curtain = byId("drop");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    curtain.firstElementChild.textContent = shown === "try" ? "Drop to try it out" : "Drop to teach from it, or to import annotations";
    curtain.hidden = false;
  });
  addEventListener("dragleave", (event) => !event.relatedTarget && (curtain.hidden = true));
  addEventListener("drop", (event) => {
    curtain.hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
}

addEventListener("hashchange", route);
byId("camera").addEventListener("change", () => views.live.reopen());
keepSuggestions();
acceptDrops();
route();
lookForCameras();
attempt("The library cannot be read", () => categories.refresh());
