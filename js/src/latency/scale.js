// Where an instant stands on the time axis.

import { ticks } from "d3-array";

/** @typedef {"linear" | "log"} ScaleName */

const FIRST_US = 1000; // a logarithm has no zero: what lies before this stands at the left edge
const TICK_PIXELS = 88;
const STEPS = [1, 1.5, 2, 3, 5, 7, 10];

export class TimeScale {
  /** @param {ScaleName} name @param {number} end µs @param {number} left px @param {number} width px */
  constructor(name, end, left, width) {
    this.name = name;
    this.end = Math.max(end, 2 * FIRST_US);
    this.left = left;
    this.width = width;
  }

  /** The same for scales that are the same. */
  get key() {
    return `${this.name} ${this.end} ${this.left} ${this.width}`;
  }

  /** @param {number} us @returns {number} px */
  x(us) {
    const share = this.name === "linear" ? us / this.end : Math.log(Math.max(us, FIRST_US) / FIRST_US) / Math.log(this.end / FIRST_US);
    return this.left + Math.min(Math.max(share, 0), 1) * this.width;
  }

  /** @param {number} x px @returns {number} µs */
  at(x) {
    const share = (x - this.left) / this.width;
    return this.name === "linear" ? share * this.end : FIRST_US * (this.end / FIRST_US) ** share;
  }

  /** @returns {number[]} µs */
  ticks() {
    if (this.name === "linear") return ticks(0, this.end, Math.max(2, this.width / TICK_PIXELS));
    return decades(FIRST_US, this.end);
  }
}

/** Powers of ten. @param {number} from @param {number} to */
export function decades(from, to) {
  const found = [];
  for (let us = from; us <= to; us *= 10) found.push(us);
  return found;
}

/** The next round figure, so that an axis whose data grow seldom moves. @param {number} value */
export function roomFor(value) {
  const decade = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return decade * /** @type {number} */ (STEPS.find((step) => step * decade >= value) ?? 10);
}

/** @param {number} us */
export function tickWords(us) {
  if (us === 0) return "0";
  if (us < 1000) return `${us / 1000} ms`;
  return us < 1_000_000 ? `${Math.round(us / 1000)} ms` : `${Number((us / 1_000_000).toPrecision(4))} s`;
}
