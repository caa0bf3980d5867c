// What the page says: visible messages, and words for screen readers only.

import { byId, h } from "./dom.js";

const STAYS = 7000; // milliseconds
const LONG_STAYS = 20_000; // what is bad, or what a person may want to act on
const MOST = 3; // messages at once

// On narrow screens the messages stick to the screen's lower edge, and buttons that do so too stand
// above them.
const root = document.documentElement;
new ResizeObserver(() => root.style.setProperty("--toasts-height", `${byId("toasts").offsetHeight}px`)).observe(byId("toasts"));

/** A message below the view, where it covers nothing, for some seconds. kind: "", "good" or "bad".
 * action: {label, run()}. topic: what it is about; `settled` takes it away. */
export function say(text, kind = "", { action = null, topic = "" } = {}) {
  const close = h("button", { type: "button", class: "quiet icon", "aria-label": "Close message", text: "×" });
  const toast = h("div", { class: `toast ${kind}`, dataset: { topic } }, h("p", { text }));
  if (action) {
    const run = () => {
      toast.remove();
      action.run();
    };
    toast.append(h("button", { type: "button", text: action.label, onclick: run }));
  }
  toast.append(close);
  close.addEventListener("click", () => toast.remove());
  const toasts = byId("toasts");
  for (const old of [...toasts.children]) if (old.firstChild.textContent === text) old.remove();
  toasts.append(toast);
  while (toasts.children.length > MOST) toasts.firstChild.remove();
  expire(toast, kind === "bad" || action ? LONG_STAYS : STAYS);
  byId(kind === "bad" ? "alert" : "announce").textContent = text;
}

/** Takes away what was said about a topic. */
export function settled(topic) {
  for (const toast of [...byId("toasts").children]) if (toast.dataset.topic === topic) toast.remove();
}

/** What goes on, until it is ended: {say(text), end()}. */
export function progress(text) {
  const words = h("p", { text });
  const toast = h("div", { class: "toast", "aria-busy": "true" }, h("span", { class: "spinner", "aria-hidden": "true" }), words);
  byId("toasts").append(toast);
  announce(text);
  return { say: (others) => (words.textContent = others), end: () => toast.remove() };
}

/** Removes a message after a while, but not from under the pointer or the focus. */
function expire(toast, after) {
  setTimeout(() => (toast.matches(":hover, :focus-within") ? expire(toast, STAYS) : toast.remove()), after);
}

export const counted = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

/** For screen readers only. */
export function announce(text) {
  byId("announce").textContent = text;
}

/** Runs an action of a person and says what went wrong with it; undefined if it did. */
export async function attempt(what, action) {
  try {
    const done = await action();
    settled(what);
    return done;
  } catch (error) {
    settled(what);
    say(`${what}: ${error.message}`, "bad", { topic: what });
    if (!error.faults) console.error(error);
    return undefined;
  }
}
