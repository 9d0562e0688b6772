// Small things that the chat's parts are made of.

import { h, setText } from "../lib/dom.js";

/**
 * @param {string} words
 * @param {string} name by which its place is found again when the page was drawn anew
 * @param {() => void} act
 */
export function button(words, name, act) {
  const made = h("button", "tw-button tw-quietly", words);
  made.type = "button";
  made.dataset.control = name;
  made.addEventListener("click", act);
  return made;
}

/**
 * Which of several is seen, and a way to the others.
 * @param {string} of what
 * @param {(by: number) => void} turn
 */
export function pager(of, turn) {
  const back = button("‹", "back", () => turn(-1));
  const on = button("›", "on", () => turn(1));
  const words = h("span", "tw-of");
  const root = h("span", "tw-pager", back, words, on);
  root.setAttribute("role", "group");
  back.ariaLabel = `The ${of} before`;
  on.ariaLabel = `The ${of} after`;
  return {
    root,
    /** @param {number} at @param {number} count @param {boolean} busy */
    draw(at, count, busy) {
      root.hidden = count < 2;
      root.ariaLabel = `${of} ${at + 1} of ${count}`;
      setText(words, `${at + 1}/${count}`);
      back.disabled = busy || at === 0;
      on.disabled = busy || at === count - 1;
    },
  };
}

export const GIVEN_BACK = "tokenwidgets:focus";

/** What has the focus goes away: who writes goes on writing. @param {HTMLElement} element within the card */
export const giveBack = (element) => element.dispatchEvent(new CustomEvent(GIVEN_BACK, { bubbles: true }));

/**
 * A field that grows with its text. JupyterLab forbids line breaks to fields in cells, so they are made here.
 * @param {string} label
 * @param {boolean} [sends] whether Enter has another meaning, and Shift+Enter breaks the line
 */
export function growing(label, sends = true) {
  const made = h("textarea", "tw-input");
  made.ariaLabel = label;
  made.rows = 1;
  made.dir = "auto";
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || (sends && !event.shiftKey)) return;
    event.preventDefault();
    made.setRangeText("\n", made.selectionStart, made.selectionEnd, "end");
    made.dispatchEvent(new Event("input"));
  });
  return made;
}
