// The same in figures: where each run's time went, and what each of its chunks needed. An unknown is a dash with its reason on hover.

import { h } from "../lib/dom.js";
import { duration, grouped } from "../lib/figures.js";
import { LEGS, PHASES, spent } from "./breakdown.js";
import { QUANTILES, bursts, fine, needed, quantile } from "./gaps.js";
import { MEANINGS, phaseTitle } from "./words.js";

/** @import { Leg, Phase, Span } from "./breakdown.js" */
/** @import { Quantile } from "./gaps.js" */
/** @import { Legs } from "./legs.js" */
/** @import { View } from "./scene.js" */
/** @typedef {{words: string, title: string}} Cell */

const RARE = new Set(["retry", "loading"]);

/** @param {View[]} views */
export function tables(views) {
  return h("div", "tw-l-tables", table(views, "Where the time went", phaseColumns(views)), table(views, "A chunk at a time", chunkColumns()));
}

/** @typedef {{name: string, title: string, phase?: Phase, cell: (view: View) => Cell}} Column */

/** @param {View[]} views @param {string} name @param {Column[]} columns */
function table(views, name, columns) {
  const head = h("tr", "", h("th", "", views.length > 1 ? "" : name), ...columns.map(columnHead));
  const rows = views.map((view) => h("tr", "", rowHead(view, views.length > 1), ...columns.map(({ cell }) => cellOf(cell(view)))));
  return h("table", "", h("caption", "tw-live", name), h("thead", "", head), h("tbody", "", ...rows));
}

/** @param {Column} column */
function columnHead({ name, title, phase }) {
  const key = phase ? [h("span", `tw-l-dot tw-l-key tw-l-${phase}`)] : [];
  return titled(h("th", "", ...key, name), title);
}

/** @param {View} view @param {boolean} several */
function rowHead({ label, colour }, several) {
  const swatch = h("span", "tw-l-dot");
  swatch.style.background = colour;
  const head = h("th", "", ...(several ? [swatch] : []), label);
  head.scope = "row";
  return titled(head, label);
}

/** @param {Cell} cell */
const cellOf = ({ words, title }) => titled(h("td", "", words), title);

/** @template {HTMLElement} T @param {T} element @param {string} title */
function titled(element, title) {
  if (title) element.title = title;
  return element;
}

/** @param {View[]} views @returns {Column[]} */
function phaseColumns(views) {
  const occurs = (/** @type {Phase} */ phase) => views.some(({ spans }) => spans.some((span) => span.phase === phase));
  const phases = PHASES.filter((phase) => !RARE.has(phase) || occurs(phase));
  const columns = phases.map((phase) => ({ name: phase, phase, title: MEANINGS[phase], cell: (/** @type {View} */ view) => phaseCell(view, phase) }));
  return [...columns, { name: "total", title: "the sum, from the request to the last of what is known", cell: totalCell }];
}

/** @param {View} view @param {Phase} phase @returns {Cell} */
function phaseCell({ spans, notes, legs }, phase) {
  const leg = LEGS.find((leg) => leg === phase);
  if (leg) return legCell(legs, leg, notes[leg] ?? "", spans);
  const us = spent(spans, phase);
  const note = (us === null ? notes.unknown : notes[phase]) ?? "";
  return { words: us === 0 ? absent(note) : us === null ? "–" : short(us), title: phaseTitle(phase, us, note) };
}

/** What took no time, because there was none of it. @param {string} note */
const absent = (note) => (note.startsWith("reused") ? "reused" : "none");

/** @param {Legs} legs @param {Leg} leg @param {string} note @param {Span[]} spans @returns {Cell} */
function legCell({ last, why }, leg, note, spans) {
  const us = last[leg];
  const outside = us !== null && spent(spans, leg) === null ? "not in the total, since what lies before it is not known" : note;
  return { words: us === null ? "–" : short(us), title: phaseTitle(leg, us, why[leg] || outside) };
}

/** @param {View} view @returns {Cell} */
function totalCell({ spans }) {
  const us = spans.at(-1)?.end ?? 0;
  return { words: duration(us), title: `${grouped(Math.round(us))} µs` };
}

/** @returns {Column[]} */
function chunkColumns() {
  const names = /** @type {Quantile[]} */ (Object.keys(QUANTILES));
  return [
    ...names.map((name) => ({ name: `gap ${name}`, title: "time between reads", cell: (/** @type {View} */ view) => gapCell(view, name) })),
    { name: "came as", title: "several chunks may come in one read", cell: ({ track }) => ({ words: bursts(track.gaps), title: "" }) },
    ...LEGS.map((leg) => ({ name: leg, title: MEANINGS[leg], cell: (/** @type {View} */ view) => delayCell(view, leg) })),
    { name: "n", title: "chunks that were painted while this page read, the newest 4,096 at most", cell: ({ legs }) => ({ words: grouped(legs.chunks.paint.n), title: "" }) },
  ];
}

/** @param {View} view @param {Quantile} name @returns {Cell} */
function gapCell({ track, over }, name) {
  const times = track.gaps.times(over);
  const us = quantile(times, name);
  const n = `n = ${grouped(times.length)}`;
  return { words: us === null ? "–" : fine(us), title: us === null ? `${name} needs ${needed(name)} gaps; there are ${times.length}` : n };
}

/** @param {View} view @param {Leg} leg @returns {Cell} */
function delayCell({ legs }, leg) {
  const { median, p95, n } = legs.chunks[leg];
  if (median === null) return { words: "–", title: legs.why[leg] || `no chunk came while this page read` };
  const about = leg === "link" && legs.uncertainty !== null ? ` ± ${fine(legs.uncertainty)}` : "";
  const title = `median ${fine(median)}, p95 ${fine(p95)}, n = ${grouped(n)} chunks${about && `\n${about}: half the quickest round trip between the clocks`}`;
  return { words: `${fine(median)}${about} · p95 ${fine(p95)}`, title };
}

/** @param {number} us */
const short = (us) => (us > 0 && us < 10_000 ? fine(us) : duration(us));
