// How the times between reads are spread, on a logarithmic axis, as shares, so that runs of different lengths compare.

import { grouped } from "../lib/figures.js";
import { BINS_PER_DECADE, DECADES, FIRST_DECADE, QUANTILES, fine, quantile } from "./gaps.js";
import { caption } from "./labels.js";
import { tickWords } from "./scale.js";

/** @import { Shape } from "./draw.js" */
/** @import { Quantile } from "./gaps.js" */
/** @import { View } from "./scene.js" */
/** @typedef {{left: number, width: number, top: number}} Place */

const TALL = 84;
const HEAD = 36; // for the quantiles' names, where there are some
const FOOT = 20;

/** @param {View[]} views @param {Place} place */
export function histogram(views, { left, width, top }) {
  const [from, to] = used(views);
  const bottom = top + TALL + (views.length === 1 ? HEAD : 0);
  const x = (/** @type {number} */ decade) => left + (width * (Math.min(Math.max(decade, from), to) - from)) / (to - from);
  const most = Math.max(...views.map(({ track }) => Math.max(...track.gaps.histogram) / Math.max(1, track.gaps.reads - 1)), 0.01);
  const shapes = views.flatMap((view) => spread(view, views.length === 1, { from, to, x, most, bottom }));
  const marks = views.length === 1 ? quantiles(views[0], x, top, bottom) : [];
  const n = views.length === 1 ? ` (n = ${grouped(Math.max(0, views[0].track.gaps.reads - 1))})` : "";
  return { bottom: bottom + FOOT, shapes: [caption(`Time between reads, share of all, log${n}`, top), ...axis(from, to, x, left, width, bottom), ...shapes, ...marks] };
}

/** The decades in which there is something, at least two. @param {View[]} views @returns {[from: number, to: number]} */
function used(views) {
  const bins = views.flatMap(({ track }) => [...track.gaps.histogram].flatMap((n, i) => (n ? [i] : [])));
  if (bins.length === 0) return [FIRST_DECADE + 1, FIRST_DECADE + 4];
  const from = FIRST_DECADE + Math.floor(Math.min(...bins) / BINS_PER_DECADE);
  const to = FIRST_DECADE + Math.floor(Math.max(...bins) / BINS_PER_DECADE) + 1;
  return [from, Math.min(FIRST_DECADE + DECADES, Math.max(to, from + 2))];
}

/** @param {number} from @param {number} to @param {(decade: number) => number} x @param {number} left @param {number} width @param {number} bottom @returns {Shape[]} */
function axis(from, to, x, left, width, bottom) {
  /** @type {Shape[]} */
  const shapes = [["line", { class: "tw-l-base", x1: left, x2: left + width, y1: bottom + 0.5, y2: bottom + 0.5 }]];
  for (let decade = from; decade <= to; decade++) {
    const anchor = decade === to ? "end" : "middle";
    shapes.push(["text", { class: "tw-l-tick", x: x(decade), y: bottom + 15, "text-anchor": anchor }, tickWords(10 ** decade)]);
  }
  return shapes;
}

/** @typedef {{from: number, to: number, x: (decade: number) => number, most: number, bottom: number}} Frame */

/** @param {View} view @param {boolean} alone @param {Frame} frame @returns {Shape[]} */
function spread({ track, colour, dash, label }, alone, { x, most, bottom }) {
  const { histogram, reads } = track.gaps;
  if (reads < 2) return [];
  const first = histogram.findIndex((n) => n > 0);
  const last = histogram.findLastIndex((n) => n > 0);
  const edge = (/** @type {number} */ bin) => Math.round(x(FIRST_DECADE + bin / BINS_PER_DECADE));
  let path = `M${edge(first)} ${bottom}`;
  for (let bin = first; bin <= last; bin++) {
    const y = Math.round((bottom - (TALL * histogram[bin]) / (reads - 1) / most) * 10) / 10;
    path += alone ? `M${edge(bin)} ${bottom}V${y}H${edge(bin + 1) - 1}V${bottom}z` : `V${y}H${edge(bin + 1)}`;
  }
  if (!alone) path += `V${bottom}`;
  const style = alone ? `fill:${colour}` : `stroke:${colour};fill:${colour}`;
  return [["path", { class: alone ? "tw-l-spread" : "tw-l-outline", "stroke-dasharray": dash, style, d: path }, ["title", {}, `${label}: ${reads - 1} times between reads`]]];
}

/** @param {View} view @param {(decade: number) => number} x @param {number} top @param {number} bottom @returns {Shape[]} */
function quantiles({ track, over }, x, top, bottom) {
  const times = track.gaps.times(over);
  return /** @type {Quantile[]} */ (Object.keys(QUANTILES)).flatMap((name, i) => {
    const us = quantile(times, name);
    if (us === null || us === 0) return [];
    const at = Math.round(x(Math.log10(us))) + 0.5;
    const y = top + 8 + 12 * i;
    return /** @type {Shape[]} */ ([
      ["line", { class: "tw-l-quantile", x1: at, x2: at, y1: y - 6, y2: bottom }],
      ["text", { class: "tw-l-tick", x: at + 4, y: y + 3 }, `${name} ${fine(us)}`],
    ]);
  });
}
