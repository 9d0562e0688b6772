// Formulas: their source in code style, until the part that sets them is there, and where it fails.

import { h } from "../dom.js";

/** @import { Load } from "../assets.js" */

/** Characters of a formula that is set. */
const SOURCE = 4000;

export class Formulas {
  #load;
  /** @type {WeakMap<Node, string>} */
  #shown = new WeakMap();

  /** @param {Load | undefined} load */
  constructor(load) {
    this.#load = load;
  }

  /** @param {string} source @param {boolean} display on lines of its own */
  make(source, display) {
    const element = h("span", display ? "tw-md-math tw-md-display" : "tw-md-math", h("code", "", source));
    this.#shown.set(element, key(source, display));
    if (source.length <= SOURCE) this.#set(element, source, display);
    return element;
  }

  /** @param {Node} element */
  has(element) {
    return this.#shown.has(element);
  }

  /** @param {Node} element @param {string} source @param {boolean} display */
  shows(element, source, display) {
    return this.#shown.get(element) === key(source, display);
  }

  /** @param {HTMLElement} element @param {string} source @param {boolean} display */
  async #set(element, source, display) {
    try {
      const setFormula = await this.#load?.("math");
      if (setFormula) element.replaceChildren(setFormula(source, display));
    } catch {
      return; // the source stays
    }
  }
}

/** @param {string} source @param {boolean} display */
function key(source, display) {
  return `${display}${source}`;
}
