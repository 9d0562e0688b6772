// Code that grows, and is laid out and coloured once it is whole: an answer in code or JSON, the arguments of a call.

import { Code } from "../lib/markdown/code.js";
import { block } from "../lib/markdown/blocks.js";
import { Cleaner } from "../lib/markdown/text.js";
import { laidOut } from "./laid_out.js";

/** @import { Load } from "../lib/assets.js" */

const FENCED = /^\s*(`{3,}|~{3,})([\w+#.-]*)[^\n]*\n([^]*?)\n?\1\s*$/;

export class Verbatim {
  #element;
  #load;
  #language;
  #code;
  #cleaner = new Cleaner();
  #node;
  #taken = 0;

  /** @param {HTMLElement} element @param {Load} load @param {string} [language] */
  constructor(element, load, language = "") {
    element.classList.add("tw-md");
    this.#element = element;
    this.#load = load;
    this.#language = language;
    this.#node = block("code", { lines: [""], info: language });
    this.#code = this.#made();
  }

  #made() {
    const code = new Code(this.#load, (box) => void (box.tabIndex = 0));
    this.#element.replaceChildren(code.element);
    return code;
  }

  /**
   * Show all chunks there are.
   * @param {string[]} chunks the same list as before, or longer
   * @returns {string} what was not shown before
   */
  show(chunks) {
    if (this.#taken === chunks.length) return "";
    const added = chunks.slice(this.#taken).join("");
    this.#taken = chunks.length;
    this.#append(this.#cleaner.take(added));
    this.#code.update(this.#node);
    return added;
  }

  /** @param {string} text */
  #append(text) {
    const { lines } = this.#node;
    const [first, ...rest] = text.split("\n");
    lines[lines.length - 1] += first;
    for (const line of rest) lines.push(line);
  }

  /** Nothing comes after this: valid JSON gets its lines, and an answer that is one block with a fence loses the fence. */
  end() {
    this.#append(this.#cleaner.end());
    const text = this.#node.lines.join("\n");
    const [, , language, inside] = FENCED.exec(text) ?? [];
    const whole = inside ?? text;
    const shown = this.#language === "json" ? laidOut(whole) : whole;
    this.#node = block("code", { lines: shown.split("\n"), info: this.#language || language || "", final: true });
    if (shown !== text) this.#code = this.#made();
    this.#code.update(this.#node);
  }
}
