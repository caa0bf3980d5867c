// Annotations from elsewhere: labelme, COCO, CVAT, or a category folder of this project.

import { api, part } from "./api.js";
import { toBody } from "./draft.js";
import { ask, h } from "./dom.js";
import { attempt, counted, say } from "./messages.js";
import { sendFile } from "./uploads.js";

const ANNOTATION = /\.(json|xml|zip)$/i;

export const isAnnotation = (file) => ANNOTATION.test(file.name);
export const isVideo = (file) => file.type.startsWith("video/") || /\.(mp4|avi|mov|mkv|webm)$/i.test(file.name);

/** Reads annotation files with the images that came along; resolves to drafts. */
export async function readAnnotations(files) {
  const pictures = files.filter((file) => !isAnnotation(file));
  const uploaded = [];
  for (const file of pictures) {
    const image = await sendFile("images", file);
    if (image) uploaded.push({ ...image, name: file.name });
  }
  const query = new URLSearchParams([
    ["images", uploaded.map(({ image }) => image).join(",")],
    ...uploaded.map(({ name }) => ["names", name]),
  ]);
  const drafts = [];
  for (const file of files.filter(isAnnotation)) {
    const answer = await sendFile(`import?${query}`, file, typed(file));
    if (!answer) continue;
    for (const problem of answer.problems) say(`${file.name}: ${problem}`, "bad");
    for (const draft of answer.drafts) drafts.push(await asDraft(draft, uploaded, file.name));
  }
  return drafts;
}

/** Lets a person choose what becomes of imported drafts. open(draft): to edit it. */
export async function takeDrafts(drafts, open, registered) {
  if (!drafts.length) return;
  if (drafts.length === 1) return open(drafts[0]);
  const list = h(
    "ul",
    {},
    ...drafts.map(({ name, keypoint_names, shots }) =>
      h("li", { text: `${name}: ${counted(keypoint_names.length, "keypoint")}, ${counted(shots.length, "shot")}` }),
    ),
  );
  const answer = await ask(`${drafts.length} objects are in this file`, list, [
    { label: "Cancel", value: "" },
    { label: "Open the first", value: "open" },
    { label: "Register all", value: "all", kind: "primary" },
  ]);
  if (answer === "open") return open(drafts[0]);
  if (answer !== "all") return;
  for (const draft of drafts) {
    const done = await attempt(draft.name, () => api.post("categories", toBody(draft)));
    if (done) say(`Registered ${done.message}`, "good");
  }
  await registered();
}

async function asDraft(draft, uploaded, source) {
  return { mode: "create", version: 0, ...draft, shots: await asShots(draft.shots, source, uploaded) };
}

/** The shots of a draft from those of an answer. uploaded: images whose size is known. */
export function asShots(shots, source, uploaded = []) {
  const made = shots.map(async ({ image, box, keypoints, automatic }) => {
    const known = uploaded.find((each) => each.image === image) ?? (await sizeOf(image));
    return { image, width: known.width, height: known.height, source: known.name ?? source, box, marks: keypoints, automatic };
  });
  return Promise.all(made);
}

async function sizeOf(image) {
  const bitmap = await createImageBitmap(await api.blob(`images/${part(image)}`));
  const { width, height } = bitmap;
  bitmap.close();
  return { width, height };
}

/** A browser does not know the type of every file. */
function typed(file) {
  const types = { json: "application/json", xml: "application/xml", zip: "application/zip" };
  return new Blob([file], { type: types[file.name.split(".").at(-1).toLowerCase()] });
}
