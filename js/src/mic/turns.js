// What was said, in two quiet columns, and beside each turn how long its answer took.

import { h, pinned, setHidden, setText } from "../lib/dom.js";
import { duration } from "../lib/figures.js";
import { HUMAN_GAP_US, STAGES, latency, stages } from "./spoken.js";
import { ending, waitWords } from "./words.js";

/** @import { Turn } from "./spoken.js" */

const LEAST_US = 1_000_000; // what a bar's whole width means at least

export class Turns {
  /** @type {Row[]} */
  #rows = [];
  #list = h("div", "tw-m-turns", h("div", "tw-m-turn tw-m-titles", h("span", "", "You"), h("span", "", "Answer"), h("span", "", "Wait")));
  #keys = h("div", "tw-m-keys");
  root = h("div", "tw-m-said", this.#list, this.#keys);
  #follow = pinned(this.#list);

  constructor() {
    this.#list.setAttribute("role", "log");
    this.#list.setAttribute("aria-live", "off"); // the announcer says it, turn by turn
    this.#list.ariaLabel = "What was said";
    this.#list.tabIndex = 0;
    setHidden(this.root, true);
  }

  /** @param {Turn[]} turns */
  draw(turns) {
    const scale = Math.max(LEAST_US, ...turns.map((turn) => latency(turn) ?? 0));
    for (let i = this.#rows.length; i < turns.length; i++) {
      const row = new Row();
      this.#rows.push(row);
      this.#list.append(row.root);
    }
    this.#rows.forEach((row, i) => row.draw(turns[i], scale));
    setHidden(this.root, turns.length === 0);
    this.#drawKeys(turns.findLast((turn) => latency(turn) !== null));
    this.#follow();
  }

  /** The newest wait, step by step: what the colours mean. @param {Turn | undefined} turn */
  #drawKeys(turn) {
    setHidden(this.#keys, !turn);
    const words = turn ? waitWords(turn) : "";
    if (!turn || this.#keys.dataset.words === words) return;
    this.#keys.dataset.words = words;
    const keys = stages(turn).map(({ name, begin, end }) => {
      const key = h("span", "tw-m-key", `${STAGES[name]} ${duration(end - begin)}`);
      key.dataset.stage = name;
      return key;
    });
    const all = h("strong", "", `${duration(latency(turn) ?? 0)} in all`);
    const people = h("span", "tw-m-people", `people: ${duration(HUMAN_GAP_US)}`);
    people.title = "The usual gap between two people's turns (Stivers and others 2009)";
    this.#keys.replaceChildren(...keys, all, people);
  }
}

class Row {
  #heard = h("p", "tw-m-heard");
  #said = h("span", "");
  #ending = h("span", "tw-m-ending");
  #bar = h("div", "tw-m-bar");
  #time = h("span", "tw-m-time");
  #wait = h("div", "tw-m-wait", this.#bar, this.#time);
  #drawn = "";
  root = h("div", "tw-m-turn", this.#heard, h("p", "tw-m-answer", this.#said, this.#ending), this.#wait);

  constructor() {
    this.#heard.dir = this.#said.dir = "auto";
    this.#bar.setAttribute("role", "img");
  }

  /** @param {Turn} turn @param {number} scale */
  draw(turn, scale) {
    setText(this.#heard, turn.heard || ("endpoint" in turn.instants ? "…" : ""));
    setText(this.#said, turn.said);
    setText(this.#ending, ending(turn));
    const words = waitWords(turn);
    setHidden(this.#wait, words === "");
    const drawn = `${words} ${scale}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    setText(this.#time, duration(latency(turn) ?? 0));
    this.#bar.ariaLabel = this.#wait.title = words;
    const pieces = stages(turn).map(({ name, begin, end }) => {
      const piece = h("span", "tw-m-stage");
      piece.dataset.stage = name;
      piece.style.width = `${((end - begin) / scale) * 100}%`;
      return piece;
    });
    const people = h("span", "tw-m-mark");
    people.style.left = `${(HUMAN_GAP_US / scale) * 100}%`;
    this.#bar.replaceChildren(...pieces, people);
  }
}
