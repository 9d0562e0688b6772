// The card's buttons: what can be done with a stream, in a row, with a list for what does not fit there.

import { h, setHidden, setText } from "../lib/dom.js";
import { Menu } from "./menu.js";

/** @typedef {"stop" | "retry" | "continue" | "copy" | "save" | "code"} VerbName */
/**
 * How a verb stands now.
 * @typedef {object} Standing
 * @property {boolean} offered whether it is there at all
 * @property {string} why why it cannot be done now; an empty string where it can
 * @property {string} [label] what it is called now
 */

/** @type {Record<VerbName, {label: string, title: string}>} */
const VERBS = {
  stop: { label: "Stop", title: "Stop the stream for everybody (Esc)" },
  continue: { label: "Continue", title: "Ask the model to go on where it stopped" },
  retry: { label: "Retry", title: "Ask the same again; this answer is kept" },
  copy: { label: "Copy", title: "Copy the answer as Markdown" },
  save: { label: "Save recording", title: "Write the stream to a file that tw.replay plays" },
  code: { label: "Show code", title: "The same call as a program without this package" },
};
/** Those in the row, where it is wide; on narrow cards they are in the list. Copy stands where Stop stood: a late click costs nothing. */
const ROW = /** @type {const} */ (["continue", "retry", "copy", "stop"]);
const LIST = /** @type {const} */ (["continue", "retry", "copy", "save", "code"]);

export class Verbs {
  #row;
  #list;
  #menu;
  #version = h("span", "tw-version-words");
  #back = button("tw-button tw-step", "‹");
  #on = button("tw-button tw-step", "›");
  #versions = h("span", "tw-versions", this.#back, this.#version, this.#on);
  root;

  /** @param {(name: VerbName) => void} carryOut @param {(by: number) => void} step to another answer of the card */
  constructor(carryOut, step) {
    this.#row = made(ROW, "tw-button", carryOut);
    this.#list = made(LIST, "tw-menu-item", carryOut);
    for (const name of ["continue", "retry", "copy"]) this.#list.get(/** @type {VerbName} */ (name))?.classList.add("tw-narrow");
    this.#menu = new Menu([...this.#list.values()]);
    this.#back.ariaLabel = "The answer before";
    this.#on.ariaLabel = "The next answer";
    this.#back.addEventListener("click", () => step(-1));
    this.#on.addEventListener("click", () => step(1));
    this.root = h("span", "tw-end", this.#versions, ...this.#row.values(), this.#menu.root);
  }

  /**
   * @param {Record<VerbName, Standing>} standings
   * @param {{index: number, count: number}} version
   */
  draw(standings, { index, count }) {
    for (const [name, standing] of /** @type {[VerbName, Standing][]} */ (Object.entries(standings))) {
      for (const control of [this.#row.get(name), this.#list.get(name)]) if (control) stand(control, name, standing);
    }
    setHidden(this.#versions, count < 2);
    setText(this.#version, `${index + 1}/${count}`);
    this.#version.ariaLabel = `Answer ${index + 1} of ${count}`;
    this.#back.disabled = index === 0;
    this.#on.disabled = index === count - 1;
  }

  /** Say on the button that the answer is copied, until it is left. */
  copied() {
    const control = this.#row.get("copy");
    if (control) setText(control, "Copied");
  }

  /** @param {Element | null} element */
  holds(element) {
    return element !== null && this.root.contains(element);
  }
}

/** @param {readonly VerbName[]} names @param {string} look @param {(name: VerbName) => void} carryOut @returns {Map<VerbName, HTMLButtonElement>} */
function made(names, look, carryOut) {
  return new Map(names.map((name) => [name, verb(name, look, carryOut)]));
}

/** @param {VerbName} name @param {string} look @param {(name: VerbName) => void} carryOut */
function verb(name, look, carryOut) {
  const control = button(`${look} tw-${name}`, VERBS[name].label);
  control.addEventListener("click", () => {
    if (control.ariaDisabled !== "true") carryOut(name);
  });
  if (name === "copy") for (const leave of ["pointerleave", "blur"]) control.addEventListener(leave, () => setText(control, VERBS.copy.label));
  return control;
}

/** A button that cannot be used now is still reached, and says why. @param {HTMLElement} control @param {VerbName} name @param {Standing} standing */
function stand(control, name, { offered, why, label }) {
  setHidden(control, !offered);
  control.ariaDisabled = String(why !== "");
  control.title = why || VERBS[name].title;
  if (label) setText(control, label);
}

/** @param {string} look @param {string} words */
function button(look, words) {
  const control = h("button", look, words);
  control.type = "button";
  control.dataset.lmSuppressShortcuts = "true"; // Enter and Space are its own
  return control;
}
