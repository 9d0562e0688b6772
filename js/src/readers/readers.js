// The readers of one call's lanes, each over the transport it was given, in the order of the runs.

import { Session, transportsOf } from "../lib/session.js";
import { LABELS } from "../lib/transport.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { StreamClock } from "../lib/clock.js" */
/** @import { Run, Transports, View } from "../lib/session.js" */

/** Beyond these a lane's events are not told. */
export const ARRIVALS = 20_000;

const TAIL = 120; // characters of a lane's answer that are drawn

/** The lanes of one call: all of them, or one that reads alone. */
export class Call {
  /** @type {Session[]} */
  sessions;
  #runs;
  #gone = new AbortController();

  /** @param {AnyModel<any>} model @param {AbortSignal} signal @param {Transports} transports */
  constructor(model, signal, transports = transportsOf(model)) {
    /** @type {Run[]} */
    this.#runs = model.get("runs");
    this.number = model.get("number");
    const gone = AbortSignal.any([signal, this.#gone.signal]);
    this.sessions = this.#runs.map((/** @type {Run} */ run) => new Session(modelOf(run, model), gone, transports));
  }

  /** @param {View} view */
  begin(view) {
    for (const session of this.sessions) session.subscribe(view, this.#gone.signal);
  }

  leave() {
    this.#gone.abort();
  }

  get over() {
    return this.sessions.every(({ over }) => over);
  }

  /** Whether the end of each has been painted, or never will be. */
  get painted() {
    return document.hidden || this.sessions.every(({ failure, painted }) => failure !== "" || !Number.isNaN(painted.at(-1)));
  }

  /** A line a lane: how many events came, and the end of the answer. */
  get lines() {
    return this.sessions.map(({ events, failure }, i) => {
      const label = LABELS[/** @type {keyof typeof LABELS} */ (this.#runs[i].transport)];
      const text = events.map(({ type, delta }) => (type === "text" ? delta : "")).join("").slice(-TAIL);
      return `${label} · ${failure || `${events.length} events · ${text}`}`;
    });
  }

  /** What this page saw, for the kernel; µs since the stream began, by the page's clock, which is aligned by the quickest trip of any lane. */
  async report() {
    await Promise.all(this.sessions.map((session) => session.align()));
    const clock = quickest(this.sessions.map((session) => session.clock));
    const since = Number.isNaN(clock.zero) ? Math.min(...this.sessions.flatMap(({ arrived }) => arrived.slice(0, 1))) : clock.zero;
    const told = (/** @type {number[]} */ times) => times.slice(0, ARRIVALS).map((at) => (Number.isNaN(at) ? null : Math.round(at - since)));
    const lanes = this.sessions.map(({ arrived, sent, painted, failure }) => ({
      arrived: told(arrived),
      sent: sent.slice(0, ARRIVALS).map((at) => (Number.isNaN(at) ? null : at)),
      painted: told(painted),
      failure,
    }));
    return { op: "read", number: this.number, uncertainty: Number.isFinite(clock.uncertainty) ? clock.uncertainty : null, lanes };
  }
}

/** @param {StreamClock[]} clocks */
const quickest = (clocks) => clocks.reduce((best, clock) => (clock.uncertainty < best.uncertainty ? clock : best));

/**
 * A run of one call as a model, which does not change any more.
 * @param {Run} run
 * @param {AnyModel<any>} model
 * @returns {AnyModel<Run>}
 */
function modelOf(run, model) {
  const one = { get: (/** @type {keyof Run} */ name) => run[name], on() {}, send: (/** @type {any} */ message) => model.send(message) };
  return /** @type {AnyModel<Run>} */ (/** @type {unknown} */ (one));
}
