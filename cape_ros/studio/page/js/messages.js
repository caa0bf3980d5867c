// What the page says: visible messages, and words for screen readers only.

import { byId, h } from "./dom.js";

const STAYS = 7000; // milliseconds

/** A message in the corner. kind: "", "good" or "bad"; a bad one stays until it is closed. */
export function say(text, kind = "", action = null) {
  const close = h("button", { type: "button", class: "quiet icon", "aria-label": "Close message", text: "×" });
  const toast = h("div", { class: `toast ${kind}` }, h("p", { text }));
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
  while (toasts.children.length > 3) toasts.firstChild.remove();
  if (kind !== "bad") setTimeout(() => toast.remove(), STAYS);
  byId(kind === "bad" ? "alert" : "announce").textContent = text;
}

export const counted = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

/** For screen readers only. */
export function announce(text) {
  byId("announce").textContent = text;
}

/** Runs an action of a person and says what went wrong with it; undefined if it did. */
export async function attempt(what, action) {
  try {
    return await action();
  } catch (error) {
    say(`${what}: ${error.message}`, "bad");
    if (!error.faults) console.error(error);
    return undefined;
  }
}
