// What opens below the card on request: the chart of the stream, the program of its call, and what came of saving it. Nothing above moves.

import { h } from "../lib/dom.js";
import { block } from "../lib/markdown/blocks.js";
import { Code } from "../lib/markdown/code.js";

/** @import { Load } from "../lib/assets.js" */
/** @import { Session } from "../lib/session.js" */

/** @typedef {{draw(): void, root: HTMLElement}} Chart */

export class Panel {
  #load;
  #said = h("p", "tw-said");
  #programs = h("div", "tw-programs tw-md");
  #place = h("div", "tw-chart");
  /** @type {Chart | null} */
  #chart = null;
  root = h("div", "tw-panel", this.#said, this.#programs, this.#place);

  /** @param {Load} load */
  constructor(load) {
    this.#load = load;
    this.#said.role = "status";
    this.root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** What came of something that was asked for. @param {string} words */
  say(words) {
    this.#said.textContent = words;
  }

  /** Show programs by language, or put them away again. @param {Record<string, string>} programs */
  showPrograms(programs) {
    const boxes = Object.entries(programs).map(([language, text]) => {
      const code = new Code(this.#load, (box) => void (box.tabIndex = 0));
      const info = language === "curl" ? "bash" : language.replace("-", " ");
      code.update(block("code", { lines: text.trimEnd().split("\n"), info, final: true }));
      return code.element;
    });
    this.#programs.replaceChildren(...boxes, this.#closer());
    this.#programs.querySelector("button")?.focus();
  }

  get showsPrograms() {
    return this.#programs.hasChildNodes();
  }

  hidePrograms() {
    this.#programs.replaceChildren();
  }

  #closer() {
    const made = h("button", "tw-button", "Close");
    made.type = "button";
    made.dataset.lmSuppressShortcuts = "true";
    made.addEventListener("click", () => this.hidePrograms());
    return made;
  }

  get showsChart() {
    return this.#chart !== null;
  }

  /** @param {Session} session */
  async showChart(session) {
    const LatencyChart = await this.#load("latency-chart");
    const chart = /** @type {Chart} */ (new LatencyChart([session]));
    this.#chart = chart;
    this.#place.replaceChildren(chart.root);
  }

  hideChart() {
    this.#chart = null;
    this.#place.replaceChildren();
  }

  /** Another answer is shown: what was said of the one before is put away. */
  clear() {
    this.say("");
    this.hidePrograms();
    this.hideChart();
  }

  draw() {
    this.#chart?.draw();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || !this.showsPrograms) return;
    event.stopPropagation();
    this.hidePrograms();
  }
}
