// Addresses that stand elsewhere in the text: `[label]: https://…`, before or after the links that name them.

import { address, resolved } from "./text.js";

/** Definitions of a text; those after them are text. */
const DEFINITIONS = 1000;
const TITLE = String.raw`"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'|\((?:[^()\\]|\\[^])*\)`;
const DEFINITION = new RegExp(
  String.raw`^\[((?:[^\\[\]]|\\[^]){1,999})\]:[ \t]*(?:\n[ \t]*)?(?:<([^<>\n]*)>|([^\s<]\S*))` +
    String.raw`(?:(?:[ \t]+|[ \t]*\n[ \t]*)(?:${TITLE}))?[ \t]*(?:\n|$)`,
);
const LABEL = /\[((?:[^\\[\]]|\\[^]){1,999})\]/g;

export class References {
  /** What the inline parser looks labels up in. @type {Record<string, {href: string, title: null}>} */
  links = Object.create(null);
  #count = 0;
  /** @type {Map<string, Set<() => void>>} what to draw again once a label is defined */
  #wants = new Map();
  /** @type {Set<() => void>} */
  #due = new Set();

  /**
   * Take the definitions a paragraph begins with. Those of addresses that no link may have are text.
   * @param {string} text
   * @param {boolean} keep or only look
   * @returns {string} the rest
   */
  take(text, keep) {
    for (let rest = text; ;) {
      const found = DEFINITION.exec(rest);
      const href = found && address(resolved(found[2] ?? found[3]));
      if (!found || !href || !normal(found[1]) || this.#count >= DEFINITIONS) return rest;
      if (keep) this.#define(normal(found[1]), href);
      rest = rest.slice(found[0].length);
    }
  }

  /**
   * A text that will not change was drawn: draw it again if a label in it is defined later.
   * @param {string} text
   * @param {() => void} again
   */
  watch(text, again) {
    for (const [, label] of text.matchAll(LABEL)) {
      const name = normal(label);
      if (name in this.links) continue;
      const wanting = this.#wants.get(name) ?? new Set();
      this.#wants.set(name, wanting.add(again));
    }
  }

  /** Draw again what has waited for a label. */
  settle() {
    for (const again of this.#due) again();
    this.#due.clear();
  }

  /** @param {string} label @param {string} href */
  #define(label, href) {
    if (label in this.links) return;
    this.links[label] = { href, title: null };
    this.#count++;
    for (const again of this.#wants.get(label) ?? []) this.#due.add(again);
    this.#wants.delete(label);
  }
}

/** @param {string} label */
function normal(label) {
  return label.trim().replace(/\s+/g, " ").toLowerCase();
}
