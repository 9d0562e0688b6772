// Characters so far, over time: the steeper, the faster.

import { ticks } from "d3-array";
import { grouped } from "../lib/figures.js";
import { caption } from "./labels.js";
import { roomFor } from "./scale.js";

/** @import { Shape } from "./draw.js" */
/** @import { Pen } from "./growing.js" */
/** @import { TimeScale } from "./scale.js" */
/** @import { View } from "./scene.js" */

const TALL = 96;

/** @param {View[]} views @param {TimeScale} time @param {number} top */
export function cumulative(views, time, top) {
  const most = Math.max(1, ...views.map(({ track }) => track.characters));
  const room = views.every(({ over }) => over) ? most * 1.04 : roomFor(most);
  const bottom = top + TALL;
  const y = (/** @type {number} */ n) => Math.round((bottom - (n / room) * TALL) * 10) / 10;
  return { bottom, shapes: [caption("Characters so far", top), ...levels(room, y, time), ...views.map((view) => curve(view, time, room, y))] };
}

/** @param {number} room @param {(n: number) => number} y @param {TimeScale} time @returns {Shape[]} */
function levels(room, y, time) {
  return ticks(0, room, 3).filter(Number.isInteger).flatMap((n) => /** @type {Shape[]} */ ([
    ["line", { class: n === 0 ? "tw-l-base" : "tw-l-grid", x1: time.left, x2: time.left + time.width, y1: y(n) + 0.5, y2: y(n) + 0.5 }],
    ["text", { class: "tw-l-tick", x: time.left - 6, y: y(n) + 4, "text-anchor": "end" }, grouped(n)],
  ]));
}

/**
 * A step at each pixel in which something came.
 * @param {TimeScale} time
 * @param {(n: number) => number} y
 * @returns {Pen<{path: string, pixel: number, height: number}>}
 */
const steps = (time, y) => ({
  begin: () => ({ path: `M${time.left} ${y(0)}`, pixel: -1, height: y(0) }),
  take(state, { at, total }) {
    const x = Math.round(time.x(at));
    if (x !== state.pixel) state.path += `${state.pixel < 0 ? "" : `V${state.height}`}H${x}`;
    state.pixel = x;
    state.height = y(total);
  },
  finish: ({ path, height }) => `${path}V${height}`,
});

/** @param {View} view @param {TimeScale} time @param {number} room @param {(n: number) => number} y @returns {Shape} */
function curve({ track, colour, dash, label }, time, room, y) {
  const path = track.paths.curve.path(`${time.key} ${room} ${y(0)}`, track.bins, steps(time, y));
  return ["path", { class: "tw-l-curve", "stroke-dasharray": dash, style: `stroke:${colour}`, d: path }, ["title", {}, `${label}: ${grouped(track.characters)} characters`]];
}
