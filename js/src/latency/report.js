// Tells the kernel what only the page can measure: once of each stream that has ended, and when asked.

import { LEGS } from "./breakdown.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Session } from "../lib/session.js" */
/** @import { Legs } from "./legs.js" */

export class Reporter {
  #model;
  #sessions;
  /** @type {Set<Session>} */
  #told = new Set();

  /** @param {AnyModel<any>} model @param {Session[]} sessions */
  constructor(model, sessions) {
    this.#model = model;
    this.#sessions = sessions;
  }

  /** @param {Legs[]} legs of each session @param {boolean} [asked] */
  report(legs, asked = false) {
    legs.forEach((of, i) => {
      const session = this.#sessions[i];
      if (!asked && (this.#told.has(session) || !session.over || of.last.paint === null)) return;
      this.#told.add(session);
      this.#tell({ op: "legs", stream: session.stream, legs: told(of) });
    });
  }

  /** @param {object} message */
  #tell(message) {
    try {
      this.#model.send(message);
    } catch {
      // No kernel: nobody to tell.
    }
  }
}

/** In whole µs; what is unknown is null, with its reason in words. @param {Legs} legs */
function told({ chunks, last, why, uncertainty }) {
  const whole = (/** @type {number | null} */ us) => (us === null ? null : Math.round(us));
  const of = LEGS.map((leg) => [
    leg,
    { median_us: whole(chunks[leg].median), p95_us: whole(chunks[leg].p95), n: chunks[leg].n, last_us: whole(last[leg]), why: why[leg] },
  ]);
  return { ...Object.fromEntries(of), uncertainty_us: whole(uncertainty) };
}
