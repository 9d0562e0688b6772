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
    case "done":
      return `done${SHORT[state.terminal?.reason] ?? ""}`;
    default:
      return phase;
  }
}

/** @type {Record<string, string>} */
const SHORT = { length: ", at the token limit", filter: ", by the provider's content filter", refusal: ", refused", pause: ", paused" };

/** The model that was asked, and the one that answers where that is another. @param {Session} session */
export function modelWords({ model, state: { served } }) {
  const same = !served || served === model || model.slice(model.indexOf("/") + 1) === served;
  return same ? model : `${model}, answered by ${served}`;
}

/** The figures; and while an answer pauses, for how long: a slow model is told from a stuck one. @param {Session} session */
export function figureWords(session) {
  const { state } = session;
  const quiet = session.now() - (state.ats.at(-1) ?? Infinity);
  const paused = state.phase === "answering" && quiet > QUIET_US;
  return line(figures(state)) + (paused ? ` · quiet for ${clock(quiet)}` : "");
}

/** What a reader must not miss of an end: `level` is its colour. @typedef {{title: string, words: string, level: "failure" | "attention"}} Verdict */

/** @type {Record<string, [string, string]>} */
const VERDICTS = {
  truncated: ["Cut off", "the connection ended without the provider's end marker"],
  length: ["Token limit", "The answer ends here because it reached the limit of tokens."],
  filter: ["Filtered", "The provider's content filter ended the answer."],
  refusal: ["Refused", "The model refused this request."],
};

/** @param {Session} session @returns {Verdict | null} */
export function verdictOf({ failure, state }) {
  const { terminal } = state;
  if (failure) return { title: "Failed", words: failure, level: "failure" };
  if (terminal?.type === "error") return { title: "Failed", words: terminal.message, level: "failure" };
  const [title, words] = VERDICTS[terminal?.reason] ?? [];
  return title && words ? { title, words, level: "attention" } : null;
}

/** @type {Record<string, string>} */
const NOTES = {
  pause: "The provider paused here; the turn can be continued.",
  superseded: "A newer turn took the place of this one.",
};

/** What is to be said quietly below the text, mostly nothing. @param {Session} session */
export function aside(session) {
  const { status, reason, state } = session;
  const { terminal, phase, items, retry } = state;
  if (retry) return retryWords(retry.data, state.host, (session.now() - retry.at) / 1_000_000);
  if (status === "reattaching" && phase === "connecting" && !session.over) return `Not attached yet: ${reason}.`;
  if (verdictOf(session)) return "";
  if (phase === "done" && !items.length) return "The answer is empty.";
  return NOTES[terminal?.reason] ?? (billWords(state) || limitWords(state));
}

/** What is to be said below the text, mostly of the end, and mostly nothing. @param {Session} session */
export function remark(session) {
  const verdict = verdictOf(session);
  return verdict ? `${verdict.title}: ${verdict.words}` : aside(session);
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

/** What the figures mean. @param {StreamState} state */
export function figureHelp(state) {
  const { tokens_exact, chunks, retries } = figures(state);
  return [
    "First token: from the beginning of the call to the first content at the provider's socket.",
    "Rate: tokens after the first over the time from the first chunk to the last.",
    tokens_exact ? "Tokens as the provider counted them." : "~ is an estimate: the provider gave no count, or not yet.",
    `${grouped(chunks)} chunks; a chunk is not always a token.`,
    ...(retries ? ["The time to the first token holds the wait for further attempts."] : []),
  ].join("\n");
}
