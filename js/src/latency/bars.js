// The breakdown: one bar a run, to scale from the request to the paint; what is not known is hatched.

import { duration } from "../lib/figures.js";
import { LEGS } from "./breakdown.js";
import { fine } from "./gaps.js";
import { caption, rowName } from "./labels.js";
import { phaseTitle } from "./words.js";

/** @import { Phase, Span } from "./breakdown.js" */
/** @import { Shape } from "./draw.js" */
/** @import { TimeScale } from "./scale.js" */
/** @import { View } from "./scene.js" */

const CHARACTER = 6.3; // px, about
const PAD = 10;
const STUB = 8; // of what is not known, and so has no length

/** @param {View[]} views @param {TimeScale} time @param {number} top @param {string} hatch id of a pattern */
export function barsOf(views, time, top, hatch) {
  const tall = views.length > 1 ? 16 : 22;
  const step = tall + 4;
  /** @type {Shape[]} */
  const shapes = [pattern(hatch), caption("Breakdown, from the request to the paint", top)];
  views.forEach((view, i) => {
    const y = top + i * step;
    if (views.length > 1) shapes.push(rowName(view, time.left, y + tall / 2));
    shapes.push(["g", { role: "list", "aria-label": `Breakdown of ${view.label}` }, ...bar(view, time, { y, tall, hatch })]);
  });
  return { shapes, bottom: top + views.length * step };
}

/** @param {string} id @returns {Shape} */
const pattern = (id) => [
  "pattern",
  { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
  ["line", { class: "tw-l-hatch", x1: 1, x2: 1, y1: 0, y2: 6 }],
];

/** @typedef {{y: number, tall: number, hatch: string}} Row */

/** @param {View} view @param {TimeScale} time @param {Row} row @returns {Shape[]} */
function bar(view, time, row) {
  const spans = visible(view.spans, time).map((span) => piece(view, span, time, row));
  const missing = view.over ? LEGS.filter((leg) => view.legs.last[leg] === null) : [];
  if (missing.length === 0) return spans;
  const x = Math.min(time.x(view.spans.at(-1)?.end ?? 0), time.left + time.width);
  const words = missing.map((leg) => phaseTitle(leg, null, view.legs.why[leg])).join("\n");
  return [...spans, ["rect", { class: "tw-l-unmeasured", x: x + 1, y: row.y, width: STUB, height: row.tall, fill: `url(#${row.hatch})` }, ["title", {}, words]]];
}

/** Those at least as wide as can be seen; of interleaved phases there may be very many. @param {Span[]} spans @param {TimeScale} time */
function visible(spans, time) {
  let drawn = -Infinity;
  return spans.filter(({ start, end }) => {
    const seen = Math.floor(time.x(end) * 2) > Math.floor(Math.max(drawn, time.x(start)) * 2);
    if (seen) drawn = time.x(end);
    return seen;
  });
}

/** @param {View} view @param {Span} span @param {TimeScale} time @param {Row} row @returns {Shape} */
function piece(view, { phase, start, end }, time, { y, tall, hatch }) {
  const x = time.x(start);
  const width = time.x(end) - x;
  const us = end - start;
  const note = view.notes[phase] ?? "";
  const words = label(phase, us, width);
  return [
    "g",
    { role: "listitem", class: `tw-l-${phase}` },
    ["title", {}, phaseTitle(phase, us, note)],
    ["rect", { class: "tw-l-span", x, y, width: Math.max(width - (width > 3 ? 1 : 0), 0.5), height: tall }],
    ...(phase === "unknown" ? [/** @type {Shape} */ (["rect", { x, y, width, height: tall, fill: `url(#${hatch})` }])] : []),
    ...(words ? [/** @type {Shape} */ (["text", { class: "tw-l-words", x: x + width / 2, y: y + tall / 2 + 4 }, words])] : []),
  ];
}

/** As much as there is room for. @param {Phase} phase @param {number} us @param {number} width */
function label(phase, us, width) {
  const time = us < 10_000 ? fine(us) : duration(us);
  const name = phase === "unknown" ? "not told apart" : phase;
  return [`${name} ${time}`, name].find((words) => words.length * CHARACTER + PAD <= width) ?? "";
}
