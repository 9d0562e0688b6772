// The reader's side of a channel whose messages may be lost, doubled and reordered: each carries what was not acknowledged yet.

/** @import { StreamEvent } from "./messages.js" */

/** Events that are kept for their turn: more than can be under way. */
export const AHEAD_EVENTS = 2 ** 15;

/** Puts one stream's events in order, whichever way and however often they come. */
export class Receiver {
  /** seq of the last event up to which all are there: what is to be acknowledged. */
  seq;
  /** @type {Map<number, StreamEvent>} */
  #ahead = new Map();

  /** @param {number} after seq of the last event the reader has */
  constructor(after) {
    this.seq = after;
  }

  /**
   * Take a message's events; returns those whose turn it is.
   * @param {StreamEvent[]} events
   */
  take(events) {
    for (const event of events) if (event.seq > this.seq) this.#ahead.set(event.seq, event);
    const found = [];
    for (let event; (event = this.#ahead.get(this.seq + 1)); ) {
      this.#ahead.delete(event.seq);
      found.push(event);
      this.seq = event.seq;
    }
    if (this.#ahead.size > AHEAD_EVENTS) throw new Error("too many events came ahead of an earlier one that is missing");
    return found;
  }
}
