// A button of the chart.

import { h } from "../lib/dom.js";

/** @param {string} words @param {() => void} act */
export function button(words, act) {
  const made = h("button", "tw-button", words);
  made.type = "button";
  made.dataset.lmSuppressShortcuts = "true"; // Enter and Space are its own
  made.addEventListener("click", act);
  return made;
}
