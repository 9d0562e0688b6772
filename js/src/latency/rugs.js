// A tick a chunk, as high as it has characters, reasoning fainter; the gaps that stand out are shaded and named.

import { duration } from "../lib/figures.js";
import { caption, rowName } from "./labels.js";

/** @import { Shape } from "./draw.js" */
/** @import { Pen } from "./growing.js" */
/** @import { TimeScale } from "./scale.js" */
/** @import { Lane, View } from "./scene.js" */

const LEVELS = 6; // a tick is a level higher for each doubling
const GAPS = 200; // the widest are drawn: more could not be told from each other

/** @param {View[]} views @param {TimeScale} time @param {number} top */
export function rugs(views, time, top) {
  const tall = views.length > 1 ? 22 : 44;
  const step = tall + 8;
  /** @type {Lane[]} */
  const lanes = views.map((_, run) => ({ run, top: top + run * step, bottom: top + run * step + tall }));
  const shapes = views.flatMap((view, i) => lane(view, time, lanes[i], views.length > 1));
  const words = "Chunks as they were read; a tick is a step higher for each doubling of its characters";
  return { lanes, shapes: [caption(time.width > 420 ? words : "Chunks as they were read", top), ...shapes], bottom: top + views.length * step };
}

/** @param {View} view @param {TimeScale} time @param {Lane} lane @param {boolean} named @returns {Shape[]} */
function lane(view, time, { top, bottom }, named) {
  const { bins, paths } = view.track;
  const key = `${time.key} ${top} ${bottom}`;
  return [
    ...(named ? [rowName(view, time.left, (top + bottom) / 2)] : []),
    ...gaps(view, time, top, bottom),
    ["line", { class: "tw-l-base", x1: time.left, x2: time.left + time.width, y1: bottom + 0.5, y2: bottom + 0.5 }],
    ["path", { class: "tw-l-chunks tw-l-thought", style: `stroke:${view.colour}`, d: paths.thought.path(key, bins, comb("thought", time, top, bottom)) }],
    ["path", { class: "tw-l-chunks", style: `stroke:${view.colour}`, d: paths.answer.path(key, bins, comb("answer", time, top, bottom)) }],
  ];
}

/**
 * One path for all ticks of a kind, a tick a pixel at most.
 * @param {"answer" | "thought"} kind
 * @param {TimeScale} time
 * @param {number} top
 * @param {number} bottom
 * @returns {Pen<{path: string, pixel: number, size: number}>}
 */
const comb = (kind, time, top, bottom) => ({
  begin: () => ({ path: "", pixel: -1, size: 0 }),
  take(state, bin) {
    if (bin[kind] === 0) return;
    const x = Math.round(time.x(bin.at));
    if (x !== state.pixel && state.size > 0) state.path += tick(state.pixel, state.size, top, bottom);
    state.size = x === state.pixel ? state.size + bin[kind] : bin[kind];
    state.pixel = x;
  },
  finish: ({ path, pixel, size }) => (size > 0 ? path + tick(pixel, size, top, bottom) : path),
});

/** @param {number} x @param {number} size @param {number} top @param {number} bottom */
function tick(x, size, top, bottom) {
  const level = Math.min(LEVELS, 33 - Math.clz32(size));
  return `M${x} ${bottom}V${Math.round(bottom - ((bottom - top) * level) / LEVELS)}`;
}

/** @param {View} view @param {TimeScale} time @param {number} top @param {number} bottom @returns {Shape[]} */
function gaps({ track }, time, top, bottom) {
  const widest = track.gaps.long.sort((a, b) => b.length - a.length).slice(0, GAPS);
  return widest.map(({ start, length }) => {
    const x = time.x(start);
    const width = time.x(start + length) - x;
    const words = `gap ${duration(length)}`;
    const fits = words.length * 6.3 + 8 < width;
    return [
      "g",
      { class: "tw-l-gap" },
      ["title", {}, words],
      ["rect", { x, y: top, width: Math.max(width, 1), height: bottom - top }],
      ...(fits ? [/** @type {Shape} */ (["text", { x: x + width / 2, y: (top + bottom) / 2 + 4 }, words])] : []),
    ];
  });
}
