// One answer: its rounds as they come, a line of figures, and what can be done with it.

import { h, setText } from "../lib/dom.js";
import { figureWords, phaseOf, phaseWords, remark } from "../stream/words.js";
import { button, pager } from "./parts.js";
import { Past } from "./past.js";
import { Step } from "./step.js";

/** @import { Load } from "../lib/assets.js" */
/** @import { Session } from "../lib/session.js" */
/** @import { Told } from "./past.js" */
/** @import { Talk } from "./talk.js" */
/** @import { Column, Row } from "./tree.js" */

const FIGURES_MS = 250; // figures that change faster cannot be read

/**
 * How an answer stands among others.
 * @typedef {object} Among
 * @property {Row} row
 * @property {Column} column
 * @property {boolean} named whether its model is to be said
 */

export class AnswerView {
  #talk;
  #load;
  #model = h("span", "tw-by");
  #rounds = h("div", "tw-rounds");
  #note = h("p", "tw-note");
  #line = h("span", "tw-line");
  #pager;
  #copy = button("Copy", "copy", () => this.#take());
  #retry = button("Retry", "retry", () => this.#again());
  #use = button("Go on from this", "use", () => this.#goOn());
  /** @type {Step[]} */
  #steps = [];
  /** @type {Among | null} */
  #among = null;
  #figuresAt = -Infinity;
  root = h("section", "tw-answer");

  /** @param {Talk} talk @param {Load} load */
  constructor(talk, load) {
    this.#talk = talk;
    this.#load = load;
    this.#pager = pager("answer", (by) => this.#turn(by));
    const actions = h("span", "tw-actions", this.#pager.root, this.#copy, this.#retry, this.#use);
    this.root.append(this.#model, this.#rounds, this.#note, h("div", "tw-foot", this.#line, actions));
  }

  get #answer() {
    const { column } = /** @type {Among} */ (this.#among);
    return column.answers[column.at];
  }

  /**
   * @param {Among} among
   * @param {number} now ms
   * @returns {string} what was added
   */
  draw(among, now) {
    this.#among = among;
    const { row, column, named } = among;
    const answer = this.#answer;
    const told = this.#talk.told(answer);
    const added = told.map((one, round) => this.#step(round).show(one, answer, round, now)).join("");
    const last = told.at(-1);
    const coming = answer.turn !== null && !answer.turn.done;
    this.root.dataset.phase = last ? phaseOf(/** @type {Session} */ (last)) : "connecting";
    this.root.toggleAttribute("data-coming", coming);
    this.root.toggleAttribute("data-aside", row.columns.length > 1 && !column.chosen);
    this.root.ariaLabel = `Answer${answer.model ? ` of ${answer.model}` : ""}`;
    setText(this.#model, answer.model);
    this.#model.hidden = !named;
    this.#remark(last, answer.turn?.done ? answer.turn.error : "");
    if (now - this.#figuresAt >= FIGURES_MS || !coming) this.#foot(last, coming, now);
    this.#pager.draw(column.at, column.answers.length, this.#talk.busy);
    this.#copy.hidden = this.#retry.hidden = coming;
    this.#retry.disabled = this.#use.disabled = this.#talk.busy;
    this.#use.hidden = coming || row.columns.length < 2 || column.chosen;
    return added;
  }

  /** @param {number} round */
  #step(round) {
    if (!this.#steps[round]) {
      this.#steps[round] = new Step(this.#load);
      this.#rounds.append(this.#steps[round].root);
    }
    return this.#steps[round];
  }

  /** @param {Told | undefined} last @param {string} error of the turn */
  #remark(last, error) {
    const words = (last && remark(/** @type {Session} */ (last))) || (error && `failed: ${error}`);
    setText(this.#note, words || "");
    this.#note.hidden = !words;
  }

  /** @param {Told | undefined} last @param {boolean} coming @param {number} now */
  #foot(last, coming, now) {
    this.#figuresAt = now;
    setText(this.#line, last ? footWords(last, coming) : "asking");
    this.#line.title = this.#line.textContent ?? "";
  }

  async #take() {
    await navigator.clipboard?.writeText(textOf(this.#talk.told(this.#answer)));
    setText(this.#copy, "Copied");
    setTimeout(() => setText(this.#copy, "Copy"), 1500);
  }

  #again() {
    const { row, column } = /** @type {Among} */ (this.#among);
    this.#talk.carryOut("again", { node: row.question?.id ?? -1, model: column.answers[column.at].model });
  }

  #goOn() {
    this.#talk.carryOut("switch", { node: this.#answer.first });
  }

  /** @param {number} by */
  #turn(by) {
    const { column } = /** @type {Among} */ (this.#among);
    const to = column.answers[column.at + by];
    if (to) this.#talk.carryOut("switch", { node: to.first });
  }
}

/** @param {Told} last @param {boolean} coming */
function footWords(last, coming) {
  if (last instanceof Past) return [last.state.phase === "done" ? "" : phaseWords(/** @type {any} */ (last)), last.figures].filter(Boolean).join(" · ");
  const phase = phaseWords(last);
  const { replayed, simulated } = last.state;
  const tag = simulated ? "simulated" : replayed ? "replayed" : "";
  return [phase === "done" ? (coming ? "using tools" : "") : phase, figureWords(last), tag].filter(Boolean).join(" · ");
}

/** The words of all rounds. @param {Told[]} told */
export const textOf = (told) =>
  told
    .map(({ state }) => state.items.filter(({ kind }) => kind === "text" || kind === "refusal").map(({ chunks }) => chunks.join("")).join("\n\n"))
    .filter(Boolean)
    .join("\n\n");
