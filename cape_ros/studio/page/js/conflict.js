// Two people changed one category: both versions side by side, and the person decides.

import { api, part } from "./api.js";
import { asNew, baseOf, isFixed } from "./draft.js";
import { picture } from "./draft_store.js";
import { ask, h } from "./dom.js";
import { counted } from "./messages.js";
import { thumbnail } from "./thumbnail.js";

/** Whether a refusal says that the category was changed or removed meanwhile. */
export function isConflict(error) {
  return Boolean(error.faults?.some(({ code }) => code === "conflict"));
}

/** Asks what becomes of a draft whose category was changed or removed by somebody else.
 *
 * Resolves to "theirs" for giving up the draft, to a draft that can be registered, or to null for
 * going on with the draft as it is. */
export async function settle(draft, present) {
  const answer = present === null ? await askAboutRemoved(draft) : await askAboutChanged(draft, present);
  if (answer === "new") return asNew(draft);
  if (answer === "mine") return { ...draft, base: present };
  return answer;
}

function askAboutRemoved({ name, shots }) {
  const words = `Somebody removed ${name} after you opened it. You can register ${shots.length > 1 ? "your shots" : "your shot"} as a new category of this name.`;
  return ask(`${name} is not registered any more`, words, [
    { label: "Go on editing", value: "" },
    { label: "Discard mine", value: "theirs", kind: "danger" },
    { label: "Register as new", value: "new", kind: "primary" },
  ]);
}

async function askAboutChanged(draft, present) {
  const { name } = draft;
  const theirs = await api.get(`categories/${part(name)}`);
  const adds = isFixed(draft);
  const fits = !adds || theirs.keypoint_names.join("\n") === draft.keypoint_names.join("\n");
  const address = (_, i) => `api/categories/${part(name)}/shots/${i}?width=240&version=${present}`;
  const mine = await Promise.all(draft.shots.map(async ({ image }) => URL.createObjectURL(await picture(image))));
  const sides = h(
    "div",
    { class: "sides" },
    side(`Theirs: version ${theirs.version}`, theirs, theirs.supports, theirs.supports.map(address)),
    side(
      adds ? `Yours: more shots for version ${baseOf(draft)}` : `Yours: made from version ${baseOf(draft)}`,
      draft,
      draft.shots.map((shot) => ({ ...shot, keypoints: shot.marks })),
      mine,
    ),
  );
  const words = fits
    ? `Somebody changed ${name} after you opened it. ${adds ? "Adding yours keeps theirs; taking theirs discards yours." : "One of the two becomes what is looked for: taking theirs discards yours, replacing discards theirs."}`
    : `Somebody changed the keypoints of ${name} after you opened it, so your shots do not fit any more. Register them under another name, or discard them.`;
  const keep = adds ? { label: `Add mine to version ${present}`, value: "mine", kind: "primary" } : { label: "Replace with mine", value: "mine", kind: "danger" };
  const rename = { label: "Register mine under another name", value: "new" };
  const answer = await ask(`${name} was changed by somebody else`, [words, sides], [
    { label: "Go on editing", value: "" },
    { label: "Take theirs", value: "theirs" },
    fits ? keep : rename,
  ]);
  for (const source of mine) URL.revokeObjectURL(source);
  return answer;
}

/** One of the two versions. shots: as of `thumbnail`; sources: their pictures. */
function side(title, { keypoint_names: names, edges }, shots, sources) {
  const pictures = shots.map((shot, i) => h("li", {}, thumbnail(sources[i], shot, edges, { dot: 0.02, alt: `Shot ${i + 1}` })));
  return h(
    "section",
    { "aria-label": title },
    h("h3", { text: title }),
    h("p", { class: "soft small", text: `${counted(names.length, "keypoint")}, ${counted(shots.length, "shot")}` }),
    h("ul", { class: "small-shots" }, ...pictures),
    h("p", { class: "small", called: names.join(", ") }),
  );
}
