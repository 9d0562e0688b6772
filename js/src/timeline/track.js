// The track: a tick for each chunk on the stream's own time, the silences shaded and named, and the playhead.

import { h } from "../lib/dom.js";
import { duration } from "../lib/figures.js";
import { gapsOf } from "./delays.js";

/** @import { Chunk } from "../lib/chunks.js" */
/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { Gap } from "./delays.js" */

const WIDTH = 1000; // columns; chunks of one column are one tick
const HEIGHT = 40;
const TICKS = 6;
const SVG = "http://www.w3.org/2000/svg";

export class Track {
  #answer = path("tw-ticks");
  #thought = path("tw-ticks tw-ticks-reasoning");
  #mark = path("tw-ticks-end");
  #bands = h("div", "tw-bands");
  #axis = h("div", "tw-axis");
  #head = h("div", "tw-playhead");
  root = h("div", "tw-track", this.#bands, picture(this.#thought, this.#answer, this.#mark), this.#axis, this.#head);
  #end = 0;
  #drawn = -1;

  /** @param {(fraction: number) => void} scrub told where the pointer is, as a part of the whole */
  constructor(scrub) {
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "slider");
    this.root.ariaLabel = "Instant of the stream";
    this.root.ariaValueMin = "0";
    const at = (/** @type {PointerEvent} */ event) => {
      const { left, width } = this.root.getBoundingClientRect();
      scrub(Math.min(Math.max((event.clientX - left) / (width || 1), 0), 1));
    };
    this.root.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.root.setPointerCapture(event.pointerId);
      at(event);
    });
    this.root.addEventListener("pointermove", (event) => {
      if (this.root.hasPointerCapture(event.pointerId)) at(event);
    });
  }

  /** @param {Chunk[]} chunks @param {number} end µs @param {StreamEvent | null} terminal */
  draw(chunks, end, terminal) {
    if (end === this.#end && chunks.length === this.#drawn) return;
    this.#end = end;
    this.#drawn = chunks.length;
    this.#answer.setAttribute("d", ticks(chunks.filter(({ kind }) => kind !== "reasoning"), end));
    this.#thought.setAttribute("d", ticks(chunks.filter(({ kind }) => kind === "reasoning"), end));
    this.#ending(terminal);
    this.#bands.replaceChildren(...gapsOf(chunks).map((gap) => band(gap, end)));
    this.#axis.replaceChildren(...marks(end).map((at) => mark(at, end)));
  }

  /** @param {number} at µs @param {string} words */
  point(at, words) {
    this.#head.style.left = percent(at, this.#end);
    this.root.ariaValueMax = String(Math.round(this.#end / 1000));
    this.root.ariaValueNow = String(Math.round(at / 1000));
    this.root.ariaValueText = words;
  }

  /** @param {StreamEvent | null} terminal */
  #ending(terminal) {
    const failed = terminal?.type === "error";
    const cut = terminal?.reason === "truncated";
    this.#mark.setAttribute("d", failed || cut ? `M${WIDTH - 1} 0V${HEIGHT}` : "");
    this.#mark.dataset.ending = failed ? "failed" : "cut off";
  }
}

/** @param {number} at @param {number} end */
const percent = (at, end) => `${((100 * at) / Math.max(end, 1)).toFixed(3)}%`;

/** Two units higher for each doubling of the characters of a column. @param {Chunk[]} chunks @param {number} end */
export function ticks(chunks, end) {
  /** @type {Map<number, number>} */
  const columns = new Map();
  for (const { at, size } of chunks) {
    const column = Math.min(WIDTH - 1, Math.floor((at * WIDTH) / Math.max(end, 1)));
    columns.set(column, (columns.get(column) ?? 0) + size);
  }
  return [...columns].map(([column, size]) => `M${column + 0.5} ${HEIGHT}V${HEIGHT - Math.min(HEIGHT - 2, 6 + 4 * (32 - Math.clz32(size)))}`).join("");
}

/** @param {Gap} gap @param {number} end */
function band({ from, to, wait }, end) {
  const words = `${wait ? "wait" : "gap"} ${duration(to - from)}`;
  const shade = h("div", "tw-band", h("span", "", words));
  shade.style.left = percent(from, end);
  shade.style.width = percent(to - from, end);
  shade.title = words;
  return shade;
}

/** Round instants for the axis: 1, 2 or 5 times a power of ten apart. @param {number} end µs @returns {number[]} */
export function marks(end) {
  const rough = Math.max(end, 1) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((n) => n * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step).filter((at) => at <= end * 0.97);
}

/** @param {number} at @param {number} end */
function mark(at, end) {
  const label = h("span", "tw-axis-mark", at === 0 ? "0" : axisWords(at));
  label.style.left = percent(at, end);
  return label;
}

/** As short as it is exact. @param {number} us */
const axisWords = (us) => (us < 1_000_000 ? `${us / 1000} ms` : `${us / 1_000_000} s`);

/** @param {string} name */
function path(name) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", name);
  made.setAttribute("vector-effect", "non-scaling-stroke");
  return made;
}

/** @param {...SVGElement} paths */
function picture(...paths) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(...paths);
  return svg;
}
