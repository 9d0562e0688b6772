// What a chunk needed after the provider's bytes were read: our gateway, the link, the painting. Only the page can measure it.
//
// * gateway: read at the provider's socket, to written to this reader. Both by the stream's clock, so it is exact.
// * link: from there to the page's code. The clocks are aligned by the quickest of several round trips; it may be wrong by half of it.
// * paint: from there to the end of the frame that shows it. Both by the page's clock, so it is exact.
//
// What was read before this reader was connected waited for the reader and came at once: it is not counted.

import { quantile } from "./gaps.js";
import { LEGS } from "./breakdown.js";

/** @import { StreamClock } from "../lib/clock.js" */
/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { Leg } from "./breakdown.js" */

/**
 * @typedef {object} Reading what a session knows of its events
 * @property {StreamEvent[]} events
 * @property {number[]} arrived
 * @property {number[]} sent
 * @property {number[]} painted
 * @property {number[]} connected
 * @property {StreamClock} clock
 * @property {{transport: string} | null} route
 */
/** @typedef {{median: number | null, p95: number | null, n: number}} Delay µs */
/**
 * @typedef {object} Legs
 * @property {Record<Leg, Delay>} chunks of the newest chunks that came while this page read
 * @property {Record<Leg, number | null>} last of the terminal event, µs; null where unknown
 * @property {Record<Leg, string>} why it is unknown
 * @property {number | null} uncertainty of the link, µs
 */

/** The newest chunks, of which the figures are. */
const SAMPLE = 4096;

/** @param {Reading} reading @param {number[]} seqs of the chunks @returns {Legs} */
export function measureLegs(reading, seqs) {
  const known = seqs.slice(-SAMPLE).map((seq) => delays(reading, seq));
  const { events, clock } = reading;
  const last = events.length - 1;
  const ended = last >= 0 && (events[last].type === "end" || events[last].type === "error");
  const ending = ended ? delays(reading, last) : { gateway: NaN, link: NaN, paint: NaN };
  return {
    chunks: each((leg) => summary(known.map((delay) => delay[leg]))),
    last: each((leg) => (Number.isNaN(ending[leg]) ? null : ending[leg])),
    why: each((leg) => (Number.isNaN(ending[leg]) ? whyNot(reading, leg, ended) : "")),
    uncertainty: Number.isFinite(clock.uncertainty) ? clock.uncertainty : null,
  };
}

/**
 * @param {Reading} reading
 * @param {number} i
 * @returns {Record<Leg, number>}
 */
function delays({ events, arrived, sent, painted, connected, clock }, i) {
  const since = connected.findLast((at) => at <= arrived[i]) ?? Infinity;
  const read = clock.zero + events[i].at;
  const live = read >= since;
  return {
    gateway: live ? sent[i] - events[i].at : NaN,
    link: live ? Math.max(0, arrived[i] - clock.zero - sent[i]) : NaN,
    paint: read < since ? NaN : painted[i] - arrived[i],
  };
}

/** @param {number[]} all @returns {Delay} */
function summary(all) {
  const times = Float64Array.from(all.filter((us) => !Number.isNaN(us))).sort();
  return { median: quantile(times, "p50"), p95: quantile(times, "p95"), n: times.length };
}

/** @param {Reading} reading @param {Leg} leg @param {boolean} ended */
function whyNot({ events, painted, sent, clock, route }, leg, ended) {
  if (!ended) return "the stream has not ended yet";
  if (leg === "paint" && Number.isNaN(painted[events.length - 1])) return "the page was hidden, or has not painted it yet";
  if (!route) return "the stream was read from a file, not over a link";
  if (route.transport === "comm") return "read over the widget's comm, from the kernel's copy of the stream, which has no clock";
  if (Number.isNaN(clock.zero)) return "the stream's clock could not be read from this page";
  if (Number.isNaN(sent[events.length - 1])) return "the server did not say when it wrote it";
  return "it had been read before this page was connected";
}

/** @template T @param {(leg: Leg) => T} of @returns {Record<Leg, T>} */
const each = (of) => /** @type {Record<Leg, T>} */ (Object.fromEntries(LEGS.map((leg) => [leg, of(leg)])));

/**
 * The spans of the terminal event's legs, behind the provider's; what lies behind an unknown one has no place.
 * @param {Legs} legs
 * @param {number} start µs
 */
export function legSpans({ last }, start) {
  const spans = [];
  for (const phase of LEGS) {
    const us = last[phase];
    if (us === null) break;
    spans.push({ phase, start, end: start + us });
    start += us;
  }
  return spans;
}
