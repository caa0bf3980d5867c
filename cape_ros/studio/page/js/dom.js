// Elements in one call. No markup is ever made from text.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `on*` are listeners, `class`, `text` and `dataset` as one expects; `called` is a
 * text that people have given, as a name: translators of browsers leave it. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children = []) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else if (name === "called") fill(element, { text: value, translate: "no" });
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A field for a name. Keyboards of phones would begin it with a capital letter, or put another word
 * in its place. */
export function nameInput(properties) {
  const plain = { autocomplete: "off", autocapitalize: "none", autocorrect: "off", spellcheck: "false" };
  return h("input", { type: "text", ...plain, maxlength: 64, ...properties });
}

/** A form control below its label. */
export function field(label, control) {
  return h("div", { class: "field" }, h("label", { for: control.id, text: label }), control);
}

export const byId = (id) => document.getElementById(id);

/** Sets attributes that differ only; cheap enough for every frame. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const BRACKETS = { BracketLeft: "[", BracketRight: "]" };

/** The key of a shortcut, in lower case; on a layout without Latin letters by its place. */
export function shortcut({ key, code }) {
  if (key.length > 1 || key < "\u0370") return key.toLowerCase(); // Greek is the first of them
  return BRACKETS[code] ?? (/^Key[A-Z]$/.test(code) ? code.at(-1).toLowerCase() : key);
}

/** Whether a press of a pointer is for the browser's own menu. */
export function opensMenu({ button, ctrlKey, pointerType }) {
  return button > 1 || (ctrlKey && pointerType === "mouse"); // on a Mac, Ctrl makes it the second button
}

/** Asks a question in a dialog; resolves to the value of the chosen answer, null for none. */
export function ask(title, words, answers) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "ask-title" });
    const buttons = answers.map(({ label, value, kind = "" }) =>
      h("button", { type: "button", class: kind, text: label, onclick: () => dialog.close(value) }),
    );
    dialog.append(
      h("h2", { id: "ask-title", text: title }),
      ...[words].flat().map((part) => (part instanceof Node ? part : h("p", { text: part }))),
      h("div", { class: "answers" }, ...buttons),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Lets a person choose files; resolves to an array, empty if none was chosen. */
export function chooseFiles(accept, multiple = false) {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept, multiple, hidden: true });
    input.addEventListener("change", () => resolve([...input.files]));
    input.addEventListener("cancel", () => resolve([]));
    document.body.append(input);
    input.click();
    input.remove();
  });
}
