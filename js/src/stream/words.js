// What the card says about a stream, in the words that are the same everywhere.

import { clock, duration, estimate, figures, grouped, line, position } from "../lib/figures.js";
import { LABELS } from "../lib/transport.js";

/** @import { Route } from "../lib/choose.js" */
/** @import { StreamState } from "../lib/state.js" */
/** @import { Session } from "./session.js" */

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
export function remark({ failure, status, reason, state: { terminal, phase, items } }) {
  if (failure) return `failed: ${failure}`;
  if (terminal?.type === "error") return `failed: ${terminal.message}`;
  if (phase === "done" && !items.length) return ENDINGS[terminal?.reason] ?? "The answer is empty.";
  if (status === "reattaching" && phase === "connecting") return `Not attached yet: ${reason}.`;
  return ENDINGS[terminal?.reason] ?? "";
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
