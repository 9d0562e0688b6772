// What a race says of itself.

import { duration, figures, grouped, line, seconds } from "../lib/figures.js";
import { fine } from "../latency/gaps.js";
import { phaseOf, phaseWords } from "../stream/words.js";

/** @import { Lane } from "./lane.js" */
/** @import { Delay } from "./lead.js" */

/** What runs: one call and how many read it, or which models. @param {Lane[]} lanes */
export function title(lanes) {
  const streams = new Set(lanes.map(({ stream }) => stream));
  const models = [...new Set(lanes.map(({ session }) => session.model))];
  if (streams.size > 1) return `${streams.size} calls${streams.size < lanes.length ? `, ${lanes.length} readers` : ""}`;
  return `one call of ${models[0] || "a model"}, ${lanes.length} readers`;
}

/** @param {Lane} lane */
export function state(lane) {
  if (lane.session.left) return "left";
  return lane.failure ? "failed" : phaseWords(lane.session);
}

/** For the colour of the words. @param {Lane} lane */
export const tone = (lane) => (lane.failure ? (lane.session.left ? "stopped" : "failed") : phaseOf(lane.session));

/** First content and end, as they came here where ways are raced. @param {Lane} lane @param {number[]} instants */
export function times({ end, failure }, instants) {
  const first = instants.length ? `first token ${duration(instants[0])}` : end === null && !failure ? "no token yet" : "no token";
  return end === null ? first : `${first} · end ${seconds(end)}`;
}

/**
 * How it stands to the others.
 * @param {Lane} lane
 * @param {Delay | null} delay
 * @param {number} lead µs, 0 where it does not lead
 * @param {boolean} several whether there are several streams
 */
export function standing(lane, delay, lead, several) {
  if (lane.failure) return "not compared";
  const leads = lead ? `${several && lane.shared ? "model leads" : "leads"} by ${fine(lead)}` : "";
  if (!lane.shared) return [leads, speed(lane)].filter(Boolean).join(" · ");
  if (!delay) return leads;
  return leads || (delay.median === 0 ? "as early as any" : `${fine(delay.median)} behind`);
}

/** @param {Lane} lane */
function speed({ session }) {
  const { tokens_exact, rate } = figures(session.state);
  return rate === null ? "" : `${tokens_exact ? "" : "~"}${rate < 9.95 ? rate.toFixed(1) : grouped(Math.floor(rate + 0.5))} tok/s`;
}

/** Everything there is to tell of a lane. @param {Lane} lane @param {Delay | null} delay */
export function details(lane, delay) {
  const parts = [line(figures(lane.session.state))];
  if (delay) parts.push(`behind the first lane: median ${fine(delay.median)}, p95 ${fine(delay.p95)} (n = ${grouped(delay.n)} events)`);
  if (lane.failure) parts.push(`failed: ${lane.failure}`);
  return parts.join(" · ");
}

const TAIL = 240; // characters; more do not fit in a row

/** The last line of the text so far. @param {Lane} lane */
export function lastLine({ session }) {
  const { items } = session.state;
  let text = "";
  for (let i = items.length - 1; i >= 0 && text.length < TAIL; i--) {
    if (items[i].kind === "text" || items[i].kind === "reasoning") text = items[i].chunks.slice(-TAIL).join("").slice(-TAIL) + text;
  }
  return text.trimEnd().split("\n").at(-1) ?? "";
}

/** In which order lanes attached, and by which seed. @param {Lane[]} lanes @param {number[]} rows @param {number} seed */
export function fairness(lanes, rows, seed) {
  if (!lanes.some(({ shared }) => shared)) return "All calls were made at once; each lane is timed from its own request.";
  const order = rows.map((run, row) => ({ run, row })).sort((a, b) => a.run - b.run).map(({ row }) => lanes[row]?.label ?? "");
  return `All lanes share this page and its one event loop; they attached in the order ${order.join(", ")} (seed ${seed}). A first token's time includes attaching; delays are those of events that came when all lanes were reading.`;
}
