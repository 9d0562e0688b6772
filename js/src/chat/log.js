// What was said, from top to bottom. Elements stay as long as what they show; what goes away gives its focus to what took its place.

import { focused, h, setText } from "../lib/dom.js";
import { AnswerView } from "./answer.js";
import { giveBack } from "./parts.js";
import { QuestionView } from "./question.js";
import { BUSY } from "./talk.js";
import { modelsOf } from "./tree.js";

/** @import { Load } from "../lib/assets.js" */
/** @import { Talk } from "./talk.js" */
/** @import { Row } from "./tree.js" */

const NEAR = 24;

/** @typedef {{at: HTMLElement, row: number, part: string, control: string}} Place */
/** @typedef {{key: number | null, root: HTMLElement, question: QuestionView | null, answers: HTMLElement, views: Map<string, AnswerView>}} Shown */

export class Log {
  #talk;
  #load;
  #rows = h("div", "tw-rows");
  #empty = h("p", "tw-empty", "Nothing was said yet.");
  #late = h("p", "tw-note", BUSY);
  #asked = h("div", "tw-asked");
  #pending = h("section", "tw-question", this.#asked, this.#late);
  /** @type {Shown[]} */
  #shown = [];
  #atEnd = true;
  #top = 0;
  root = h("div", "tw-log", this.#empty, this.#rows, this.#pending);

  /** @param {Talk} talk @param {Load} load */
  constructor(talk, load) {
    this.#talk = talk;
    this.#load = load;
    this.root.setAttribute("role", "log");
    this.root.setAttribute("aria-live", "off"); // every token would be read; the announcer says sentences
    this.root.ariaLabel = "Conversation";
    this.root.addEventListener("scroll", () => this.#scrolled());
  }

  /** @param {number} now ms @returns {string} what was added to the answer the talk goes on from */
  draw(now) {
    const { rows, pending, kept } = this.#talk;
    const named = kept || modelsOf(rows).size > 1;
    const place = this.#focus();
    rows.forEach((row, i) => this.#row(row, i));
    for (const { root } of this.#shown.splice(rows.length)) root.remove();
    const added = rows.map((row, i) => this.#answers(this.#shown[i], row, named, now)).join("");
    this.#refocus(place);
    this.#empty.hidden = rows.length > 0 || pending !== null;
    this.#pending.hidden = pending === null;
    this.#late.hidden = !pending?.late;
    setText(this.#asked, pending?.text ?? "");
    this.root.tabIndex = this.root.scrollHeight > this.root.clientHeight ? 0 : -1; // to scroll it by keys
    this.#follow();
    return added;
  }

  /** Go to the end, and stay there. */
  end() {
    this.#atEnd = true;
    this.#follow();
  }

  /** After the view was put elsewhere, which makes a scroller forget where it was. */
  moved() {
    this.root.scrollTop = this.#top;
    this.#follow();
  }

  /** Open the last question. */
  edit() {
    this.#shown.findLast(({ question }) => question)?.question?.edit();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.root;
    this.#top = scrollTop;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
  }

  #follow() {
    if (!this.root.isConnected) return;
    if (this.root.scrollTop < this.#top - 1) this.#scrolled(); // upwards, by a reader; its event is still to come
    if (!this.#atEnd) return;
    this.root.scrollTop = this.root.scrollHeight;
    this.#top = this.root.scrollTop;
  }

  /** @param {Row} row @param {number} i */
  #row(row, i) {
    const key = row.question?.id ?? null;
    if (this.#shown[i]?.key !== key) {
      for (const { root } of this.#shown.splice(i)) root.remove();
      this.#shown.push(this.#place(key));
    }
    this.#shown[i].question?.draw(row);
  }

  /** @param {number | null} key @returns {Shown} */
  #place(key) {
    const question = key === null ? null : new QuestionView(this.#talk);
    const answers = h("div", "tw-answers");
    const root = h("div", "tw-turn", ...(question ? [question.root] : []), answers);
    this.#rows.append(root);
    return { key, root, question, answers, views: new Map() };
  }

  /** @param {Shown} shown @param {Row} row @param {boolean} named @param {number} now */
  #answers({ answers, views }, row, named, now) {
    const keys = row.columns.map(({ answers, at }) => answers[at].key);
    for (const [key, view] of views) {
      if (keys.includes(key)) continue;
      view.root.remove();
      views.delete(key);
    }
    const added = row.columns.map((column, i) => {
      const view = views.get(keys[i]) ?? new AnswerView(this.#talk, this.#load);
      views.set(keys[i], view);
      if (answers.children[i] !== view.root) answers.insertBefore(view.root, answers.children[i] ?? null);
      const text = view.draw({ row, column, named }, now);
      return column.chosen ? text : "";
    });
    answers.toggleAttribute("data-several", row.columns.length > 1);
    return added.join("");
  }

  /** Which control of which row has the focus. @returns {Place | null} */
  #focus() {
    const at = /** @type {HTMLElement | null} */ (focused(this.root));
    const row = this.#shown.findIndex(({ root }) => root.contains(at));
    if (row < 0 || !at) return null;
    const part = this.#shown[row].question?.root.contains(at) ? ".tw-question" : ".tw-answer";
    return { at, row, part, control: at.dataset.control ?? "" };
  }

  /** @param {Place | null} place */
  #refocus(place) {
    if (!place || (place.at.isConnected && this.root.contains(place.at) && usable(place.at))) return;
    const part = this.#shown[Math.min(place.row, this.#shown.length - 1)]?.root.querySelector(place.part);
    const controls = [...(part?.querySelectorAll("button") ?? [])].filter(usable);
    const same = place.control && (controls.find(({ dataset }) => dataset.control === place.control) ?? controls[0]);
    if (same) same.focus({ preventScroll: true });
    else giveBack(this.root);
  }
}

/** @param {HTMLElement} control */
const usable = (control) => !control.closest("[hidden]") && !(control instanceof HTMLButtonElement && control.disabled);
