// Who answers: one model, or several beside each other. A field to type in, and a list (W3C, ARIA, the pattern "combobox").

import { h, setText } from "../lib/dom.js";
import { clean } from "../lib/markdown/text.js";
import { reasonOf } from "../lib/transport.js";

/** @import { Talk } from "./talk.js" */
/** @typedef {{id: string, note: string}} Model */

export const AT_ONCE = 4; // the kernel's own limit
const SHOWN = 100;

/** Those in whose line every typed word is found; those whose name begins so are first. @param {Model[]} models @param {string} typed */
export function matching(models, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const found = models.filter(({ id, note }) => words.every((word) => `${id} ${note}`.toLowerCase().includes(word)));
  const begins = (/** @type {Model} */ { id }) => id.toLowerCase().split(/[/:]/).some((part) => part.startsWith(words[0] ?? ""));
  return [...found.filter(begins), ...found.filter((model) => !begins(model))].slice(0, SHOWN);
}

/** The choice with one model more or less; never more than may answer at once. @param {string[]} chosen @param {string} id */
export function toggled(chosen, id) {
  return chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id].slice(-AT_ONCE);
}

let pickers = 0;

export class Picker {
  #talk;
  #close;
  #name = `tw-models-${pickers++}`;
  #field = h("input", "tw-input");
  #list = h("div", "tw-options");
  #words = h("p", "tw-hint");
  /** @type {Model[] | null} */
  #models = null;
  /** @type {Model[]} */
  #shown = [];
  #at = 0;
  root = h("div", "tw-sheet tw-picker", this.#field, this.#list, this.#words);

  /** @param {Talk} talk @param {() => void} close */
  constructor(talk, close) {
    this.#talk = talk;
    this.#close = close;
    this.root.hidden = true;
    this.root.setAttribute("role", "dialog");
    this.root.ariaLabel = "Models";
    this.#field.placeholder = "Find a model";
    this.#list.id = this.#name;
    this.#list.setAttribute("role", "listbox");
    this.#list.ariaMultiSelectable = "true";
    this.#list.ariaLabel = "Models";
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "true", "aria-controls": this.#name, "aria-label": "Find a model" }))
      this.#field.setAttribute(name, value);
    this.#field.addEventListener("input", () => this.#find());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
  }

  async open() {
    this.#field.value = "";
    this.root.hidden = false;
    this.#field.focus();
    this.#find();
    if (this.#models) return;
    setText(this.#words, "Asking the hosts for their models…");
    try {
      this.#models = (await this.#talk.ask("models")).models;
      this.#find();
    } catch (error) {
      setText(this.#words, `${reasonOf(error)}. A name that is typed in full can be chosen all the same.`);
    }
  }

  #find() {
    const typed = this.#field.value.trim();
    this.#shown = matching(this.#models ?? [], typed);
    if (/^[^/]+\/./.test(typed) && !this.#shown.some(({ id }) => id === typed)) this.#shown.push({ id: typed, note: "as typed" });
    this.#at = 0;
    this.#draw();
    if (this.#models) setText(this.#words, this.#shown.length ? "Enter: this one · Shift+Enter: beside the others, up to four" : "No model has that in its name.");
  }

  #draw() {
    const { models } = this.#talk;
    this.#list.replaceChildren(...this.#shown.map((model, i) => this.#option(model, i, models)));
    const active = this.#list.children[this.#at];
    this.#field.setAttribute("aria-activedescendant", active?.id ?? "");
    active?.scrollIntoView?.({ block: "nearest" });
  }

  /** @param {Model} model @param {number} index @param {string[]} chosen */
  #option({ id, note }, index, chosen) {
    const mark = h("span", "tw-check", chosen.includes(id) ? "✓" : "");
    const made = h("div", "tw-option", mark, h("span", "tw-id", clean(id)), h("span", "tw-info", clean(note)));
    made.id = `${this.#name}-${index}`;
    made.setAttribute("role", "option");
    made.ariaSelected = String(chosen.includes(id));
    made.toggleAttribute("data-at", index === this.#at);
    mark.title = "Beside the others";
    made.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
    made.addEventListener("click", (event) => this.#choose(index, event.shiftKey || event.target === mark));
    return made;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const moves = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 })[event.key];
    if (moves) {
      event.preventDefault();
      this.#at = Math.min(Math.max(this.#at + moves, 0), this.#shown.length - 1);
      this.#draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#choose(this.#at, event.shiftKey);
    }
  }

  /** @param {number} index @param {boolean} beside the others */
  #choose(index, beside) {
    const model = this.#shown[index];
    if (!model) return;
    this.#talk.models = beside ? toggled(this.#talk.models, model.id) : [model.id];
    if (beside) this.#draw();
    else this.#close();
  }
}
