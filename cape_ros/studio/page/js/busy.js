// Buttons that show that what they began goes on.

import { h } from "./dom.js";

/** Disables a button and shows words with a spinner in it. Returns what shows other words, and what
 * ends it: {say(words), end()}. */
export function busy(button, words) {
  const before = [...button.childNodes];
  const focused = document.activeElement === button;
  const text = h("span", { text: words });
  button.replaceChildren(h("span", { class: "spinner", "aria-hidden": "true" }), text);
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  return {
    say: (others) => (text.textContent = others),
    end: () => {
      button.replaceChildren(...before);
      button.disabled = false;
      button.removeAttribute("aria-busy");
      if (focused && document.activeElement === document.body) button.focus();
    },
  };
}

/** Runs an action while its button is busy; a button of an action that goes on does nothing. */
export async function during(button, words, action) {
  if (button.hasAttribute("aria-busy")) return undefined;
  const shown = busy(button, words);
  try {
    return await action(shown.say);
  } finally {
    shown.end();
  }
}
