// From the runs to the picture: pure, and as costly as it is wide, however many chunks there are.

import { barsOf } from "./bars.js";
import { cumulative } from "./cumulative.js";
import { histogram } from "./histogram.js";
import { rugs } from "./rugs.js";
import { TimeScale, roomFor, tickWords } from "./scale.js";

/** @import { Span } from "./breakdown.js" */
/** @import { Shape } from "./draw.js" */
/** @import { Legs } from "./legs.js" */
/** @import { ScaleName } from "./scale.js" */
/** @import { Track } from "./track.js" */

/**
 * One run, as the picture needs it.
 * @typedef {object} View
 * @property {Track} track
 * @property {string} label
 * @property {string} colour a CSS colour
 * @property {string} dash of its lines, which tells it from the others in grey
 * @property {Span[]} spans
 * @property {Legs} legs
 * @property {boolean} over
 * @property {Record<string, string>} notes
 */
/**
 * @typedef {object} Point
 * @property {number} run index among the views
 * @property {number} index of the chunk
 */
/** @typedef {{run: number, top: number, bottom: number}} Lane */
/** @typedef {{height: number, shapes: Shape[], time: TimeScale, lanes: Lane[]}} Scene */

const CAPTION = 18;
const RIGHT = 12;
const GAP = 12;
const AXIS = 18;

/**
 * @param {View[]} views
 * @param {{width: number, scale: ScaleName, selected: Point | null, hovered: Point | null, hatch: string}} options `hatch` is the id of a pattern
 * @returns {Scene}
 */
export function scene(views, { width, scale, selected, hovered, hatch }) {
  const left = views.length > 1 ? Math.min(150, width * 0.22) : 44;
  const time = new TimeScale(scale, endOf(views), left, width - left - RIGHT);
  const bars = barsOf(views, time, CAPTION, hatch);
  const rug = rugs(views, time, bars.bottom + GAP + CAPTION);
  const curve = cumulative(views, time, rug.bottom + GAP + CAPTION);
  const axis = curve.bottom;
  const spread = histogram(views, { left, width: time.width, top: axis + AXIS + GAP + CAPTION });
  const marks = [mark(views, hovered, "hovered"), mark(views, selected, "selected")].flat();
  return {
    height: spread.bottom,
    time,
    lanes: rug.lanes,
    shapes: [...grid(time, 0, axis), ...bars.shapes, ...rug.shapes, ...curve.shapes, ...marks, ...spread.shapes],
  };

  /** @param {View[]} views @param {Point | null} point @param {string} name @returns {Shape[]} */
  function mark(views, point, name) {
    const track = point && views[point.run]?.track;
    if (!track || point.index < 0 || point.index >= track.ats.length) return [];
    const x = time.x(track.ats[point.index]);
    const { bottom } = rug.lanes[point.run];
    return [
      ["line", { class: `tw-l-${name}`, x1: x, x2: x, y1: bars.bottom, y2: axis }],
      ["path", { class: `tw-l-${name}-chunk`, d: `M${x - 4} ${bottom + 5}h8l-4 -5z` }],
    ];
  }
}

/** Where the time axis ends: at the end of all, or at a round figure beyond it. @param {View[]} views */
function endOf(views) {
  const end = Math.max(1, ...views.map(({ spans, track }) => Math.max(spans.at(-1)?.end ?? 0, track.lastAt)));
  return views.every(({ over }) => over) ? end : roomFor(end * 1.02);
}

/** @param {TimeScale} time @param {number} top @param {number} bottom @returns {Shape[]} */
function grid(time, top, bottom) {
  return time.ticks().flatMap((us) => {
    const x = Math.round(time.x(us)) + 0.5;
    const anchor = x > time.left + time.width - 24 ? "end" : "middle";
    return /** @type {Shape[]} */ ([
      ["line", { class: "tw-l-grid", x1: x, x2: x, y1: top + CAPTION, y2: bottom }],
      ["text", { class: "tw-l-tick", x, y: bottom + 14, "text-anchor": anchor }, tickWords(us)],
    ]);
  });
}
