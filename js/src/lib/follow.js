// A reader that survives: over any number of connections it sees every event of a stream once, in order, to the terminal one.

import { isTerminal } from "./messages.js";
import { GivenUp, Refused, reasonOf } from "./transport.js";

/** @import { StreamEvent } from "./messages.js" */
/** @import { RoundTrip, Transport } from "./transport.js" */

/** @typedef {"attaching" | "attached" | "reattaching" | "ended" | "refused" | "left"} FollowStatus */
/**
 * @typedef {object} Timers
 * @property {(f: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 */

const FIRST_MS = 250;
const LONGEST_MS = 8000;

export class Follower {
  /** seq of the newest event handed on, -1 before the first. */
  last;
  /** @type {FollowStatus} */
  status = "attaching";
  #options;
  #timers;
  #random;
  #leaving = new AbortController();
  #attempt = new AbortController();
  /** @type {Promise<void> | null} */
  #running = null;
  #ended = false;
  #delay = FIRST_MS;
  #hurried = false;
  #wake = () => {};

  /**
   * @param {object} options
   * @param {string} options.stream
   * @param {Pick<Transport, "attach">} options.transport
   * @param {(events: StreamEvent[], sent?: number) => void} options.onEvents
   * @param {(trip: RoundTrip) => void} [options.onClock]
   * @param {(status: FollowStatus, reason: string) => void} options.onStatus
   * @param {number} [options.after] seq of the newest event that is known already
   * @param {Timers} [options.timers]
   * @param {() => number} [options.random]
   */
  constructor({ after = -1, timers = globalThis, random = Math.random, ...options }) {
    this.last = after;
    this.#options = options;
    this.#timers = timers;
    this.#random = random;
  }

  /** Follow, from where it stands. Resolves when there is nothing more to follow, or after `leave`. */
  start() {
    if (this.#running && !this.#leaving.signal.aborted) return this.#running;
    const { signal } = (this.#leaving = new AbortController());
    return (this.#running = Promise.resolve(this.#running).then(() => this.#run(signal)));
  }

  /** Stop reading; the stream goes on without this reader. */
  leave() {
    this.#leaving.abort(new Error("left"));
    this.#wake();
  }

  /** If it waits between two attempts, wait no longer. */
  retry() {
    this.#delay = FIRST_MS;
    this.#wake();
  }

  /** Give this connection up for a new one: it lacks events that are known to exist. */
  again() {
    this.#attempt.abort(new Error("events are missing"));
    this.retry();
  }

  /** Go on at once over a new connection: there is a better way. */
  move() {
    this.#hurried = true;
    this.#attempt.abort(new Error("another way was taken"));
    this.retry();
  }

  /** @param {AbortSignal} leaving */
  async #run(leaving) {
    if (this.status === "ended" || this.status === "refused") return;
    this.#report("attaching");
    while (!leaving.aborted) {
      const before = this.last;
      const reason = await this.#attach(leaving);
      if (leaving.aborted) break;
      if (this.#ended) return this.#report("ended");
      if (this.#hurried) {
        this.#hurried = false;
        continue;
      }
      if (isFinal(reason)) return this.#report("refused", reasonOf(reason));
      if (this.last > before) this.#delay = FIRST_MS;
      this.#report("reattaching", reasonOf(reason));
      await this.#pause();
    }
    this.#report("left");
  }

  /**
   * One connection, from its opening to its end.
   * @param {AbortSignal} leaving
   * @returns {Promise<unknown>} why it ended
   */
  async #attach(leaving) {
    const attempt = (this.#attempt = new AbortController());
    const signal = AbortSignal.any([leaving, attempt.signal]);
    const reader = {
      opened: () => this.#report("attached"),
      /** @param {StreamEvent[]} events @param {number} [sent] */
      events: (events, sent) => {
        if (!signal.aborted) this.#take(events, sent);
      },
      clock: this.#options.onClock,
    };
    try {
      await this.#options.transport.attach(this.#options.stream, this.last, reader, signal);
      return new Error("the connection ended before the stream did");
    } catch (error) {
      return error;
    }
  }

  /** @param {StreamEvent[]} events @param {number} [sent] */
  #take(events, sent) {
    /** @type {StreamEvent[]} */
    const news = [];
    for (const event of events) {
      if (this.#ended || event.seq <= this.last) continue;
      if (event.seq > this.last + 1) {
        this.#attempt.abort(new Error("events are missing"));
        break;
      }
      this.last = event.seq;
      this.#ended = isTerminal(event);
      news.push(event);
    }
    if (news.length) this.#options.onEvents(news, sent);
    if (this.#ended) this.#attempt.abort(new Error("ended"));
  }

  /** @returns {Promise<void>} */
  #pause() {
    const ms = this.#delay * (0.5 + this.#random() / 2);
    this.#delay = Math.min(this.#delay * 2, LONGEST_MS);
    return new Promise((resolve) => {
      const timer = this.#timers.setTimeout(resolve, ms);
      this.#wake = () => {
        this.#timers.clearTimeout(timer);
        resolve();
      };
    });
  }

  /** @param {FollowStatus} status */
  #report(status, reason = "") {
    this.status = status;
    this.#options.onStatus(status, reason);
  }
}

/** @param {unknown} reason */
const isFinal = (reason) => reason instanceof GivenUp || (reason instanceof Refused && reason.code === "not_found");
