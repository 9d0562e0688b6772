// One lane as it is seen: its wire, what came out of it, and how long that took.

import { h, setHidden, setText } from "../lib/dom.js";
import { Bars } from "./bars.js";
import { Wire } from "./wire.js";
import { FIGURES, behind } from "./words.js";

/** @import { Packet } from "./feed.js" */

/**
 * @typedef {{lane: string, name: string, mark: string}} Look
 * @typedef {{lane: string, failed: string, tokens: number, bars: number[], at: (number | null)[], words: Record<string, string>}} Row
 */

export class Lane {
  #packets = h("span", "tw-lab-packets");
  #text = h("span", "");
  #bars = new Bars();
  #values = Object.fromEntries(FIGURES.map(({ of }) => [of, h("dd", "")]));
  #rest = h("dt", "");
  #restValue = h("dd", "");
  #failed = h("div", "tw-lab-failed");
  #figures;
  wire = new Wire();
  root;

  /** @param {Look} look */
  constructor({ lane, name, mark }) {
    const sign = h("span", "tw-mark", mark);
    sign.ariaHidden = "true";
    const terms = FIGURES.map(({ of, words, title }) => {
      const pair = h("div", "tw-lab-figure", h("dt", "", words), this.#values[of]);
      pair.title = title;
      return pair;
    });
    this.#figures = h("dl", "tw-lab-figures", ...terms, h("div", "tw-lab-figure", this.#rest, this.#restValue));
    const who = h("div", "tw-lab-who", sign, h("span", "tw-lab-name", name), this.#packets);
    const text = h("div", "tw-lab-text", this.#text);
    this.root = h("div", "tw-lab-lane", who, this.wire.root, text, this.#failed, h("div", "tw-lab-delays"), this.#figures);
    this.root.querySelector(".tw-lab-delays")?.append(this.#bars.root);
    this.root.setAttribute("role", "listitem");
    this.root.dataset.lane = lane;
  }

  /** @param {Row} row @param {boolean} hidden whether the figures are not to be seen yet */
  draw(row, hidden) {
    const { words } = row;
    setText(this.#packets, words.lost);
    this.#packets.title = words.packets;
    setText(this.#failed, row.failed ? `gave up: ${row.failed}` : "");
    setHidden(this.#failed, !row.failed);
    this.root.toggleAttribute("data-secret", hidden);
    this.#figures.ariaHidden = this.#bars.root.ariaHidden = String(hidden);
    for (const { of } of FIGURES) setText(this.#values[of], hidden ? "" : words[of]);
    const [rest, value] = behind(row);
    setText(this.#rest, rest);
    setText(this.#restValue, hidden ? "" : value);
    this.#bars.draw(hidden ? { ...row, bars: [], at: [null, null] } : row);
  }

  /** @param {string} text @param {Packet[]} packets of this lane @param {number} near µs of the run */
  move(text, packets, near) {
    setText(this.#text, text);
    this.wire.draw(packets, near);
  }
}
