// The times between chunks, as they come. `tokenwidgets/gaps.py` defines them; both sides run the same test vectors.

import { duration, grouped } from "../lib/figures.js";

export const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 };
export const BINS_PER_DECADE = 16;
export const FIRST_DECADE = 2;
export const DECADES = 6;
const GAP_US = 250_000;
const GAP_FACTOR = 8;
const STALE = 1.05; // figures of so many more chunks are worth sorting them again

const EDGES = Array.from({ length: BINS_PER_DECADE * DECADES - 1 }, (_, i) =>
  Math.round(10 ** (FIRST_DECADE + (i + 1) / BINS_PER_DECADE)),
);

export class Gaps {
  chunks = 0;
  reads = 0;
  /** How many times fall into each bin. */
  histogram = new Uint32Array(EDGES.length + 1);
  #last = 0;
  /** @type {number[]} */
  #times = [];
  /** Gaps that may stand out. @type {{start: number, length: number}[]} */
  #wide = [];
  /** @type {Float64Array} */
  #sorted = new Float64Array();

  /** A chunk came. @param {number} at µs */
  take(at) {
    const length = at - this.#last;
    if (this.chunks++ === 0) this.reads = 1;
    else if (length > 0) this.#gap(this.#last, length);
    this.#last = at;
  }

  /** @param {number} start @param {number} length */
  #gap(start, length) {
    this.reads += 1;
    this.#times.push(length);
    this.histogram[bin(length)] += 1;
    if (length > GAP_US) this.#wide.push({ start, length });
  }

  /** The gaps that stand out. */
  get long() {
    const typical = this.#typical();
    return this.#wide.filter(({ length }) => length > GAP_FACTOR * typical);
  }

  /** From the shortest to the longest; of all that came when `exact`, else perhaps of a little less. @param {boolean} exact */
  times(exact) {
    const stale = this.#times.length > this.#sorted.length * (exact ? 1 : STALE);
    if (stale) this.#sorted = Float64Array.from(this.#times).sort();
    return this.#sorted;
  }

  /** Of all gaps, also those of no length. */
  #typical() {
    const times = this.times(false);
    const bursts = this.chunks - 1 - this.#times.length;
    const count = bursts + times.length;
    const place = (/** @type {number} */ i) => (i < bursts ? 0 : times[i - bursts]);
    return count > 0 ? (place(Math.floor((count - 1) / 2)) + place(Math.floor(count / 2))) / 2 : 0;
  }
}

/** @param {number} length */
function bin(length) {
  let low = 0;
  let high = EDGES.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (length >= EDGES[middle]) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @typedef {keyof typeof QUANTILES} Quantile */

/** How many times a quantile needs, so that one of them lies beyond it. @param {Quantile} name */
export const needed = (name) => Math.round(1 / (1 - QUANTILES[name]));

/** @param {Float64Array} times sorted @param {Quantile} name @returns {number | null} */
export function quantile(times, name) {
  if (times.length < needed(name)) return null;
  const place = (times.length - 1) * QUANTILES[name];
  const low = Math.floor(place);
  const high = Math.min(low + 1, times.length - 1);
  return Math.floor(times[low] + (times[high] - times[low]) * (place - low) + 0.5);
}

/** @param {Pick<Gaps, "chunks" | "reads">} of */
export const bursts = ({ chunks, reads }) => `${many(chunks, "chunk")} in ${many(reads, "read")}`;

/** @param {number} n @param {string} word */
export const many = (n, word) => `${grouped(n)} ${n === 1 ? word : `${word}s`}`;

/** A time that may be far below a millisecond; an unknown is a dash. @param {number | null} us */
export function fine(us) {
  if (us === null) return "–";
  const hundredths = Math.floor((us + 5) / 10);
  if (hundredths < 100) return `0.${String(hundredths).padStart(2, "0")} ms`;
  const tenths = Math.floor((us + 50) / 100);
  return tenths < 100 ? `${Math.floor(tenths / 10)}.${tenths % 10} ms` : duration(us);
}
