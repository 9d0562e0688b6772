// A block of code: its language, a button that copies it, its text in runs that are never laid out again once they are full.

import { h, setText } from "../dom.js";
import { write } from "./patch.js";

/** @import { Block } from "./blocks.js" */
/** @import { Load } from "../assets.js" */

const RUN = 1000; // characters after which the next line begins a new run
/** Characters of a block that is coloured: more would hold up the page. */
const COLOURED = 30_000;

export class Code {
  kind = "code";
  #load;
  #node = /** @type {Block | null} */ (null);
  #label = h("span", "tw-md-info");
  #button = h("button", "tw-button tw-md-copy", "Copy");
  #code = h("code", "");
  #box = h("pre", "", this.#code);
  element = h("div", "tw-md-code", h("div", "tw-md-code-head", this.#label, this.#button), this.#box);
  #from = 0; // the line that the last run begins with
  #run = this.#begin();

  /** @param {Load | undefined} load @param {(box: HTMLElement, content: HTMLElement) => void} scrolls */
  constructor(load, scrolls) {
    this.#load = load;
    this.#button.type = "button";
    this.#button.title = "Copy the code";
    this.#button.dataset.lmSuppressShortcuts = "true"; // Enter and Space are its own
    this.#button.addEventListener("click", () => this.#copy());
    for (const leave of ["pointerleave", "blur"]) this.#button.addEventListener(leave, () => setText(this.#button, "Copy"));
    scrolls(this.#box, this.#code);
  }

  /** @param {Block} node */
  update(node) {
    this.#node = node;
    const label = node.info || "text";
    if (this.#box.ariaLabel !== `Code, ${label}`) this.#box.ariaLabel = `Code, ${label}`;
    setText(this.#label, label);
    this.#write(node.lines);
    if (node.final) this.#colour(node.lines.join("\n"), node.info.split(/[\s{,]/, 1)[0]);
  }

  /** @param {string[]} lines the last of which may change */
  #write(lines) {
    let length = 0;
    for (let i = this.#from; i < lines.length - 1; i++) {
      length += lines[i].length + 1;
      if (length < RUN) continue;
      write(this.#run, `${lines.slice(this.#from, i + 1).join("\n")}\n`);
      this.#from = i + 1;
      this.#run = this.#begin();
      length = 0;
    }
    write(this.#run, lines.slice(this.#from).join("\n"));
  }

  #begin() {
    const text = document.createTextNode("");
    this.#code.append(h("span", "tw-md-run", text));
    return text;
  }

  /** @param {string} text @param {string} language */
  async #colour(text, language) {
    if (!this.#load || !language || text.length > COLOURED) return;
    try {
      const highlight = await this.#load("highlight");
      const coloured = highlight(text, language);
      if (coloured?.textContent === text) this.#code.replaceChildren(coloured);
    } catch {
      return; // without colours, then
    }
  }

  async #copy() {
    const text = this.#node?.lines.join("\n") ?? "";
    try {
      await navigator.clipboard.writeText(text);
      setText(this.#button, "Copied");
    } catch {
      setText(this.#button, this.#select() ? "Copied" : "Selected"); // no secure context, or not allowed
    }
  }

  /** Select the code and copy what is selected, the way that asks for no permission. */
  #select() {
    const selection = getSelection();
    selection?.selectAllChildren(this.#code);
    return document.execCommand?.("copy") ?? false;
  }
}
