// One call of a tool: what was asked of it, what it gave, how long it took.

import { clock, seconds } from "../lib/figures.js";
import { h, setText } from "../lib/dom.js";
import { clean } from "../lib/markdown/text.js";

/** @import { Item } from "../lib/state.js" */
/** @import { Message } from "./tree.js" */

export class Call {
  #name = h("code", "tw-name");
  #brief = h("span", "tw-brief");
  #took = h("span", "tw-took");
  #arguments = h("pre", "tw-pre");
  #label = h("div", "tw-label");
  #result = h("pre", "tw-pre");
  #since = NaN;
  #drawn = "";
  root = h("details", "tw-call", h("summary", "", this.#name, this.#brief, this.#took), this.#arguments, this.#label, this.#result);

  /**
   * @param {Item} item
   * @param {Message | undefined} result
   * @param {boolean} running whether the call is being carried out
   * @param {number} now ms
   */
  show(item, result, running, now) {
    const text = item.chunks.join("");
    setText(this.#name, item.name || "tool");
    if (text !== this.#drawn) {
      this.#drawn = text;
      setText(this.#brief, clean(text));
      setText(this.#arguments, clean(laidOut(text)));
    }
    if (running && Number.isNaN(this.#since)) this.#since = now;
    this.root.toggleAttribute("data-failed", Boolean(result?.error) || item.invalid);
    setText(this.#took, this.#state(item, result, running, now));
    this.#label.hidden = this.#result.hidden = result === undefined;
    setText(this.#label, result?.error ? "Error" : "Result");
    setText(this.#result, clean(result?.error ?? result?.text ?? ""));
  }

  /** @param {Item} item @param {Message | undefined} result @param {boolean} running @param {number} now */
  #state(item, result, running, now) {
    if (result) return `${result.error ? "failed · " : ""}${result.seconds === undefined ? "" : seconds(result.seconds * 1_000_000)}`;
    if (running) return `running ${clock((now - this.#since) * 1000)}`;
    if (item.invalid) return "no valid JSON";
    return item.done ? "not run" : "";
  }
}

/** JSON in lines; what is none stays as it is. @param {string} text */
function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
