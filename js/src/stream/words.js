// What the card says about a stream, in the words that are the same everywhere.

import { clock, duration, estimate, figures, grouped, line, position } from "../lib/figures.js";
import { LABELS } from "../lib/transport.js";

/** @import { Route } from "../lib/choose.js" */
/** @import { StreamState } from "../lib/state.js" */
/** @import { Session } from "../lib/session.js" */

const QUIET_US = 1_500_000; // of silence, before the clock counts it

/** The phase a card is in. @param {Session} session */
export const phaseOf = ({ failure, state }) => (failure ? "failed" : state.phase);

/** The phase, with a clock as long as nothing comes. @param {Session} session */
export function phaseWords(session) {
  const { state } = session;
  const phase = phaseOf(session);
  const now = session.now();
  switch (phase) {
    case "connecting":
    case "waiting":
      return `${phase} ${clock(now)}`;
    case "reasoning":
      return `${phase} ${clock(now - (state.reasoning?.from ?? now))}`;
    case "stopped":
      return state.ats.length ? `stopped at token ${position(figures(state))}` : "stopped before the first token";
    default:
      return phase;
  }
}

/** The figures; and while an answer pauses, for how long: a slow model is told from a stuck one. @param {Session} session */
export function figureWords(session) {
  const { state } = session;
  const quiet = session.now() - (state.ats.at(-1) ?? Infinity);
  const paused = state.phase === "answering" && quiet > QUIET_US;
  return line(figures(state)) + (paused ? ` · quiet for ${clock(quiet)}` : "");
}

/** @type {Record<string, string>} */
const ENDINGS = {
  truncated: "cut off: the connection ended without the provider's end marker",
  length: "The answer ends here because it reached the limit of tokens.",
  filter: "The provider's content filter ended the answer.",
  pause: "The provider paused here; the turn can be continued.",
  superseded: "A newer turn took the place of this one.",
};

/** What is to be said below the text, mostly of the end, and mostly nothing. @param {Session} session */
export function remark(session) {
  const { failure, status, reason, state } = session;
  const { terminal, phase, items, retry } = state;
  if (failure) return `failed: ${failure}`;
  if (retry) return retryWords(retry.data, state.host, (session.now() - retry.at) / 1_000_000);
  if (terminal?.type === "error") return `failed: ${terminal.message}`;
  if (phase === "done" && !items.length) return ENDINGS[terminal?.reason] ?? "The answer is empty.";
  if (status === "reattaching" && phase === "connecting") return `Not attached yet: ${reason}.`;
  return ENDINGS[terminal?.reason] ?? (billWords(state) || limitWords(state));
}

/** @type {Record<string, (host: string) => string>} */
const FAILED_WITH = {
  rate_limited: (host) => `Rate limited by ${host}`,
  overloaded: (host) => `${host} is overloaded`,
  timeout: (host) => `No answer from ${host} in time`,
  connection: (host) => `The connection to ${host} failed`,
};

/**
 * Why another attempt is made, and when.
 * @param {any} data of the notice `retry`
 * @param {string} host
 * @param {number} passed since then, in seconds
 */
export function retryWords({ code, wait, attempt, of }, host, passed = 0) {
  const why = (FAILED_WITH[code] ?? (() => `An error at ${host}`))(host);
  const left = Math.ceil(wait - Math.max(passed, 0));
  return `${why}: trying again ${left > 0 ? `in ${left} s` : "now"} (${attempt} of ${of})`;
}

/** @type {Record<string, (host: string) => string>} */
const BILLS = {
  yes: (host) => `The connection to ${host} was closed, which stops the bill.`,
  no: (host) => `The connection to ${host} was closed, but the answer is generated and billed to its end.`,
  unknown: (host) => `The connection to ${host} was closed; whether that stops the bill is not documented.`,
};

/** What a stop did to the bill, where there is one; a replay closes no connection. @param {Pick<StreamState, "terminal" | "host" | "replayed">} of */
export const billWords = ({ terminal, host, replayed }) => (!replayed && BILLS[terminal?.cancel_stops_billing]?.(host)) || "";

const NEARLY = 20; // a rate limit of which less than one part in so many is left is told of

/** The rate limit that is nearly used up, if one is, once the stream is over. @param {Pick<StreamState, "terminal" | "notices" | "host" | "replayed">} of */
export function limitWords({ terminal, notices, host, replayed }) {
  const data = notices.findLast(({ kind }) => kind === "rate_limits")?.data;
  if (!data || !terminal || replayed) return "";
  for (const of of ["requests", "tokens", "input_tokens", "output_tokens"]) {
    const [left, most, reset] = ["remaining", "limit", "reset"].map((what) => data[`${what}_${of}`]);
    const wait = typeof reset === "number" ? Math.ceil(reset) : null;
    if (!Number.isInteger(left) || !Number.isInteger(most) || left * NEARLY >= most || (wait !== null && wait <= 1)) continue;
    const until = wait === null ? "" : ` for the next ${grouped(wait)} s`;
    return `Near the rate limit of ${host}: ${grouped(left)} of ${grouped(most)} ${of.replace("_", " ")} left${until}.`;
  }
  return "";
}

/** @param {StreamState} state @param {number} now */
export function reasoningWords({ phase, reasoning, usage, behind }, now) {
  if (!reasoning) return "";
  const { from, to, chunks, characters, summary } = reasoning;
  const time = phase === "reasoning" ? Math.max(now, to) - from : to - from;
  const counted = usage?.reasoning && !behind ? grouped(usage.reasoning) : null;
  const tokens = counted ?? `~${grouped(estimate(chunks, characters))}`;
  const elapsed = time < 1_000_000 && phase !== "reasoning" ? duration(time) : clock(time);
  return `${summary ? "Reasoning summary" : "Reasoning"}, ${elapsed}, ${tokens} tokens`;
}

/** Why this transport, and what was tried before it. @param {Route} route */
export function routeWords({ transport, why, tried }) {
  return [`${LABELS[transport]}: ${why}`, ...tried.map((failure) => `${LABELS[failure.transport]}: ${failure.reason}`)].join("\n");
}
