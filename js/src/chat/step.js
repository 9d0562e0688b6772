// What a model said in one round: its thoughts, its words, its calls.

import { h, setText } from "../lib/dom.js";
import { Markdown } from "../lib/markdown.js";
import { reasoningWords } from "../stream/words.js";
import { Call } from "./call.js";
import { Past } from "./past.js";

/** @import { Load } from "../lib/assets.js" */
/** @import { Item } from "../lib/state.js" */
/** @import { Told } from "./past.js" */
/** @import { Answer } from "./tree.js" */

/** @typedef {{root: HTMLElement, show: (item: Item) => string, end: () => void}} Shown */

export class Step {
  #load;
  #summary = h("summary", "");
  #thoughts = h("div", "tw-thoughts");
  #reasoning = h("details", "tw-reasoning", this.#summary, this.#thoughts);
  /** @type {(Shown | Call)[]} one for each item */
  #shown = [];
  #ended = false;
  root = h("div", "tw-step", this.#reasoning);

  /** @param {Load} load */
  constructor(load) {
    this.#load = load;
  }

  /**
   * Show what is new.
   * @param {Told} told
   * @param {Answer} answer
   * @param {number} round
   * @param {number} now ms
   * @returns {string} what was added to the answer
   */
  show(told, answer, round, now) {
    const { items } = told.state;
    const calls = answer.steps[round]?.calls ?? [];
    let call = 0;
    const added = items.map((item, i) => {
      const shown = (this.#shown[i] ??= this.#place(item));
      if (!(shown instanceof Call)) return shown.show(item);
      const result = answer.results.get(calls[call++]?.id ?? "");
      shown.show(item, result, told.over && !result && answer.turn !== null && !answer.turn.done, now);
      return "";
    });
    this.#think(told);
    if (told.over && !this.#ended) this.#end();
    return added.join("");
  }

  /** @param {Told} told */
  #think(told) {
    const words = told instanceof Past ? told.state.reasoning && "Reasoning" : reasoningWords(told.state, told.now());
    setText(this.#summary, words || "");
    this.#reasoning.hidden = !words;
  }

  #end() {
    this.#ended = true;
    for (const shown of this.#shown) if (!(shown instanceof Call)) shown.end();
  }

  /** @param {Item} item @returns {Shown | Call} */
  #place(item) {
    const made = item.kind === "tool" ? new Call() : written(item, this.#load);
    (item.kind === "reasoning" ? this.#thoughts : this.root).append(made.root);
    return made;
  }
}

/** @param {Item} item @param {Load} load @returns {Shown} */
function written({ kind }, load) {
  const element = h("div", "");
  const markdown = new Markdown(element, { load });
  const root = kind === "refusal" ? h("div", "tw-item", h("span", "tw-label", "Refusal"), element) : element;
  return {
    root,
    show: (item) => (kind === "text" || kind === "refusal" ? markdown.show(item.chunks) : (markdown.show(item.chunks), "")),
    end: () => markdown.end(),
  };
}
