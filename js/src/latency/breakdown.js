// Where the time of a stream went, as it comes: spans that follow each other, and so add up to the total. `tokenwidgets/breakdown.py` defines
// the phases; both sides run the same test vectors.

import { fine } from "./gaps.js";

/** @import { StreamEvent } from "../lib/messages.js" */

/** @typedef {"retry" | "loading" | "connect" | "upload" | "wait" | "unknown" | "reasoning" | "answer" | "end"} ProviderPhase */
/** @typedef {"gateway" | "link" | "paint"} Leg */
/** @typedef {ProviderPhase | Leg} Phase */
/**
 * A phase's piece of the time, µs of the stream's clock.
 * @typedef {{phase: Phase, start: number, end: number}} Span
 */

/** In the order in which they are told. @type {Phase[]} */
export const PHASES = ["retry", "loading", "connect", "upload", "wait", "reasoning", "answer", "end", "gateway", "link", "paint"];

/** What a reader measures. @type {Leg[]} */
export const LEGS = ["gateway", "link", "paint"];

/** Of a `connection` notice, in their order. @type {Record<string, string>} */
const INSTANTS = { dns: "DNS", connect: "TCP", tls: "TLS" };
const NO_INSTANTS = "the instants of the connection are not known, so connect, upload and wait are told together";
const NO_CONNECTION = "simulated: there is no connection";
const REUSED = "reused: the connection was open already";

export class Breakdown {
  /** What is to be said of phases: how they came to be, or why they are not known. @type {Record<string, string>} */
  notes = {};
  ended = false;
  /** @type {Span[]} */
  #spans = [];
  /** @type {ProviderPhase} */
  #phase = "connect";
  #at = 0;
  #failed = 0;
  #resumes = 0;
  #last = 0;

  /** @param {StreamEvent} event @param {boolean} content whether it is a piece of content that is not empty */
  take(event, content) {
    this.#last = Math.max(this.#last, event.at);
    if (content) this.#content(event.type === "reasoning" ? "reasoning" : "answer", event.at);
    else if (event.type === "end" || event.type === "error") this.#end(event);
    else if (event.type === "notice" && !this.#generating) this.#notice(event);
  }

  /** From 0 to the end, or to now where the stream still runs. @param {number} now µs of the stream's clock @returns {Span[]} */
  spans(now) {
    if (this.ended) return this.#spans;
    const until = Math.max(this.#last, now);
    const spans = [...this.#spans];
    let phase = this.#phase;
    let at = this.#at;
    if (phase === "retry") {
      at = upto(spans, "retry", at, Math.min(this.#resumes, until));
      phase = "connect";
    }
    upto(spans, phase, at, until);
    return spans;
  }

  get #generating() {
    return this.#phase === "reasoning" || this.#phase === "answer";
  }

  /** @param {StreamEvent} event */
  #notice({ kind, data = {}, at }) {
    if (kind === "retry") this.#retry(at, data.wait);
    else if (kind === "model_loading") this.#load(at);
    else if (kind !== "connection") return;
    else if (isInstant(data.sent)) this.#sent(data);
    else if (this.#phase === "wait" && isInstant(data.headers)) {
      this.notes.wait = `the head of the answer came after ${fine(Math.max(0, data.headers - this.#at))}`;
    }
  }

  /** All that came before is of attempts that failed. @param {number} at @param {any} pause s */
  #retry(at, pause) {
    this.#failed += 1;
    this.notes = { retry: `${this.#failed} ${this.#failed === 1 ? "attempt" : "attempts"} failed` };
    this.#spans = [];
    this.#at = 0;
    this.#upto("retry", at);
    const known = typeof pause === "number" && pause >= 0 && pause < Number.MAX_SAFE_INTEGER / 1e6;
    this.#resumes = at + (known ? Math.trunc(pause * 1e6) : 0);
    this.#phase = "retry";
  }

  /** @param {number} at */
  #load(at) {
    if (this.#phase === "retry") this.#upto("retry", at);
    this.#phase = "loading";
  }

  /** @param {Record<string, any>} data */
  #sent(data) {
    const names = Object.keys(INSTANTS).filter((name) => isInstant(data[name]));
    const first = Math.min(data.sent, ...names.map((name) => data[name]));
    if (this.#phase === "retry") this.#upto("retry", Math.min(this.#resumes, first));
    else if (this.#phase === "loading") this.#upto("loading", first);
    this.notes.connect = connected(this.#at, names, data);
    this.#upto("connect", Math.max(this.#at, ...names.map((name) => data[name])));
    this.#upto("upload", data.sent);
    this.#phase = "wait";
  }

  /** @param {"reasoning" | "answer"} phase @param {number} at */
  #content(phase, at) {
    if (this.#generating) this.#upto(phase, at);
    else this.#waited(at);
    this.#phase = phase;
  }

  /** @param {StreamEvent} event */
  #end({ type, stage = "stream", at }) {
    if (this.#generating) this.#upto("end", at);
    else if (this.#phase === "connect" && type === "error" && stage === "connect") this.#upto("connect", at);
    else this.#waited(at);
    this.ended = true;
  }

  /** The attempt that counts has come to its first content, or to its end. @param {number} at */
  #waited(at) {
    if (this.#phase === "retry") {
      this.#upto("retry", Math.min(this.#resumes, at));
      this.#phase = "connect";
    }
    if (this.#phase === "connect") {
      this.notes.unknown = NO_INSTANTS;
      this.#phase = "unknown";
    }
    this.#upto(this.#phase, at);
  }

  /** @param {Phase} phase @param {number} at */
  #upto(phase, at) {
    this.#at = upto(this.#spans, phase, this.#at, at);
  }
}

/**
 * Make the time since the last span one of a phase; an instant that lies before it moves nothing.
 * @param {Span[]} spans
 * @param {Phase} phase
 * @param {number} start
 * @param {number} end
 */
function upto(spans, phase, start, end) {
  if (end <= start) return start;
  const last = spans[spans.length - 1];
  if (last?.phase === phase) spans[spans.length - 1] = { ...last, end };
  else spans.push({ phase, start, end });
  return end;
}

/** How the connection came to be, in words. @param {number} began @param {string[]} names @param {Record<string, any>} data */
function connected(began, names, data) {
  if (names.length === 0) return data.simulated === true ? NO_CONNECTION : REUSED;
  const ends = [began, ...names.map((name) => data[name])];
  return names.map((name, i) => `${INSTANTS[name]} ${fine(Math.max(0, ends[i + 1] - ends[i]))}`).join(", ");
}

/** @param {any} value */
const isInstant = (value) => Number.isSafeInteger(value) && value >= 0;

/**
 * Time in a phase, µs; null where it is not known.
 * @param {Span[]} spans
 * @param {Phase} phase
 */
export function spent(spans, phase) {
  const own = spans.filter((span) => span.phase === phase);
  if (own.length === 0 && /** @type {Phase[]} */ (LEGS).includes(phase)) return null;
  if (["connect", "upload", "wait"].includes(phase) && spans.some((span) => span.phase === "unknown")) return null;
  return own.reduce((sum, { start, end }) => sum + end - start, 0);
}
