// Another name for a registered category.

import { api, part } from "./api.js";
import { categories } from "./categories.js";
import { isConflict } from "./conflict.js";
import { ask, field, h, nameInput } from "./dom.js";
import { attempt, say } from "./messages.js";

/** Asks for the new name and gives it; resolves to the name of now. */
export async function askForName({ name, version }, words = "", proposed = name) {
  const input = nameInput({ id: "new-name", value: proposed, autofocus: true });
  input.addEventListener("focus", () => input.select(), { once: true });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return; // Enter may be the input method's
    event.preventDefault();
    input.closest("dialog").close("yes");
  });
  const history = `Its shots stay. Earlier versions stay under ${name}: they are listed below the cards, where they can be restored.`;
  const refused = words ? [h("p", { class: "refused", role: "alert", text: words })] : [];
  const answer = await ask(`Rename ${name}`, [field("New name", input), ...refused, history], [
    { label: "Cancel", value: "" },
    { label: "Rename", value: "yes", kind: "primary" },
  ]);
  const wanted = input.value.trim().replace(/\s+/g, "_");
  if (answer !== "yes" || wanted === name) return name;
  try {
    return await rename(name, wanted, version);
  } catch (error) {
    if (!error.faults) throw error;
    if (error.status === 400) return askForName({ name, version }, error.message.replace(/^name: /, ""), wanted);
    say(isConflict(error) ? `${name} was changed by somebody else meanwhile; look at it and rename it again` : `${name}: ${error.message}`, "bad", { topic: name });
    await categories.refresh().catch(() => undefined);
    return name;
  }
}

async function rename(name, wanted, version) {
  const done = await api.patch(`categories/${part(name)}`, { name: wanted, base_version: version });
  await categories.refresh().catch(() => undefined);
  const back = () => attempt(`${wanted} cannot be renamed`, () => rename(wanted, name, done.version));
  say(`${name} is called ${wanted} now`, "good", { action: { label: "Undo", run: back } });
  return wanted;
}
