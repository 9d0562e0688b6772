// A stream's clock, seen from the page.

/** @import { RoundTrip } from "./transport.js" */

/** Round trips asked for: the quickest of them counts. */
export const TRIPS = 8;

/** Whoever answers does so somewhere within the round trip: its middle is wrong by half of it at most. */
export class StreamClock {
  /** Page time of the stream's zero, µs; NaN while nothing is known of it. */
  zero = NaN;
  /** µs by which it may be wrong. */
  uncertainty = Infinity;

  /** @param {RoundTrip} trip */
  take({ asked, at, answered }) {
    const uncertainty = (answered - asked) / 2;
    if (uncertainty >= this.uncertainty) return;
    this.uncertainty = uncertainty;
    this.zero = (asked + answered) / 2 - at;
  }
}
