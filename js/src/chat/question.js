// What the user asked, to be read and to be asked otherwise.

import { h, setText } from "../lib/dom.js";
import { clean } from "../lib/markdown/text.js";
import { button, giveBack, growing, pager } from "./parts.js";

/** @import { Talk } from "./talk.js" */
/** @import { Message, Picture, Row } from "./tree.js" */

export class QuestionView {
  #talk;
  #text = h("div", "tw-asked");
  #pictures = h("div", "tw-pictures");
  #field = growing("The question, to be asked otherwise");
  #form = h("div", "tw-editing", this.#field);
  #edit = button("Edit", "edit", () => this.edit());
  #delete = button("Delete", "delete", () => this.#talk.remove(this.#message.id));
  #ask = button("Ask", "ask", () => this.#send());
  #cancel = button("Cancel", "cancel", () => this.#close());
  #pager;
  #actions;
  /** @type {Row | null} */
  #row = null;
  root = h("section", "tw-question");

  /** @param {Talk} talk */
  constructor(talk) {
    this.#talk = talk;
    this.#pager = pager("question", (by) => this.#turn(by));
    this.#actions = h("div", "tw-actions", this.#pager.root, this.#edit, this.#delete);
    this.#form.append(h("div", "tw-actions", this.#ask, this.#cancel));
    this.#form.hidden = true;
    this.#text.dir = "auto";
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.root.ariaLabel = "Your question";
    this.root.append(this.#pictures, this.#text, this.#form, this.#actions);
  }

  /** @returns {Message} */
  get #message() {
    return /** @type {Message} */ (this.#row?.question);
  }

  /** @param {Row} row */
  draw(row) {
    const fresh = this.#row === null;
    this.#row = row;
    const { text = "", pictures = [] } = this.#message;
    setText(this.#text, clean(text));
    if (fresh) this.#pictures.append(...pictures.map(shown));
    const { siblings } = row;
    const busy = this.#talk.busy;
    this.#pager.draw(siblings.indexOf(this.#message.id), siblings.length, busy);
    for (const control of [this.#edit, this.#delete, this.#ask]) control.disabled = busy;
  }

  /** Open the field, with the question in it. */
  edit() {
    this.#field.value = this.#message.text ?? "";
    this.#editing(true);
    this.#field.focus();
  }

  async #send() {
    const text = this.#field.value;
    if (!text.trim()) return;
    if ((await this.#talk.carryOut("edit", { node: this.#message.id, text })) === null) return;
    giveBack(this.root);
    this.#editing(false);
  }

  #close() {
    this.#editing(false);
    this.#edit.focus();
  }

  /** @param {boolean} now */
  #editing(now) {
    this.#form.hidden = !now;
    this.#text.hidden = this.#actions.hidden = now;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (!sends && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (sends) this.#send();
    else this.#close();
  }

  /** @param {number} by */
  #turn(by) {
    const { siblings } = /** @type {Row} */ (this.#row);
    const to = siblings[siblings.indexOf(this.#message.id) + by];
    if (to !== undefined) this.#talk.carryOut("switch", { node: to });
  }
}

/** A picture as far as it may be shown. @param {Picture} picture */
export function shown({ name, preview, note }) {
  const words = [clean(name), note].filter(Boolean).join(", ");
  if (!preview.startsWith("data:image/")) return h("span", "tw-picture tw-tag", words);
  const image = h("img", "tw-picture");
  image.src = preview;
  image.alt = clean(name) || "Picture without a name";
  image.title = words;
  return image;
}
