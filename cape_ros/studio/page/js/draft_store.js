// A draft outlives a reload and its tab: its data in storage at every change, its images in
// IndexedDB. Every tab has its own draft; a new tab goes on with the one that was changed last.
// The server forgets images after a while, so the browser's copies are sent again when asked for.

import { api } from "./api.js";

const KEY = "cape-studio-draft";
const DATABASE = "cape-studio";
const IMAGES = "images";

const NONE = "null"; // this tab has no draft; it does not take that of another

export function saveDraft(state) {
  try {
    const before = sessionStorage.getItem(KEY);
    const text = JSON.stringify(state);
    if (state) localStorage.setItem(KEY, text);
    else if (localStorage.getItem(KEY) === before) localStorage.removeItem(KEY); // not another tab's
    sessionStorage.setItem(KEY, text);
  } catch {
    // A browser that keeps nothing (private window, full disk): teaching works all the same.
  }
}

/** What `saveDraft` was given last; null if it is nothing that an editor can go on with. */
export function loadDraft() {
  try {
    const text = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
    if (text && text !== NONE) sessionStorage.setItem(KEY, text);
    const state = JSON.parse(text);
    const drafts = [state.draft, ...state.past, ...state.future];
    for (const draft of drafts) draft.symmetries ??= []; // a draft of an earlier release
    return drafts.every(isDraft) ? state : null;
  } catch {
    return null;
  }
}

/** Whether every shot has a mark, or its absence, for every keypoint, and all else fits them. */
function isDraft({ keypoint_names: names, edges, symmetries, shots }) {
  return (
    symmetries.every((each) => each.length === names.length) &&
    names.every((name) => typeof name === "string") &&
    edges.every((edge) => edge.every((end) => end in names)) &&
    shots.every(({ image, marks }) => typeof image === "string" && marks.length === names.length)
  );
}

/** The picture of an image ID: from the server, else the browser's own copy. */
export async function picture(image) {
  const kept = await inDatabase("readonly", (images) => images.get(image)).catch(() => undefined);
  if (kept) return kept;
  const blob = await api.blob(`images/${image}`);
  await inDatabase("readwrite", (images) => images.put(blob, image)).catch(() => undefined);
  return blob;
}

/** Does something with the draft on the server, which may need to be sent its images again. */
export async function withImages(editor, action) {
  try {
    return await action(editor.draft);
  } catch (error) {
    if (!isForgotten(error)) throw error;
    editor.amend(await sendAgain(editor.draft));
    return action(editor.draft);
  }
}

/** Gives the server the images of a draft anew; returns the draft with the IDs of now. */
async function sendAgain(draft) {
  const shots = await Promise.all(
    draft.shots.map(async (shot) => {
      const blob = await picture(shot.image);
      const { image } = await api.upload("images", blob);
      await inDatabase("readwrite", (images) => images.put(blob, image)).catch(() => undefined);
      return { ...shot, image };
    }),
  );
  return { ...draft, shots };
}

/** Whether a refusal says that the server has forgotten an image. */
export function isForgotten(error) {
  return Boolean(error.faults?.some(({ code }) => code === "unknown_image"));
}

/** Drops the browser's copies of all images but these IDs. */
export async function keepOnly(images) {
  const keys = await inDatabase("readonly", (store) => store.getAllKeys()).catch(() => []);
  if (!keys.length) return; // also in a browser that keeps nothing, not even this
  const ofOthers = localStorage.getItem(KEY) ?? "";
  const old = keys.filter((key) => !images.includes(key) && !ofOthers.includes(key));
  for (const key of old) await inDatabase("readwrite", (store) => store.delete(key)).catch(() => undefined);
}

let opened = null;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(IMAGES);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function inDatabase(mode, action) {
  const transaction = (await database()).transaction(IMAGES, mode);
  const request = action(transaction.objectStore(IMAGES));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}
