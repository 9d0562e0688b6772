// What was said in each session of the widget, read once.

import { Spoken } from "./spoken.js";

/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { Runs } from "../lib/runs.js" */
/** @import { Session } from "../lib/session.js" */

export class Readings {
  /** @type {Map<Session, {spoken: Spoken, read: number}>} */
  #known = new Map();
  #runs;
  #onEvent;

  /** @param {Runs} runs @param {(session: Session, event: StreamEvent) => void} onEvent told of each event, once it is read */
  constructor(runs, onEvent) {
    this.#runs = runs;
    this.#onEvent = onEvent;
  }

  /** Read what is new. */
  read() {
    for (const session of this.#runs.sessions) {
      const known = this.#known.get(session) ?? { spoken: new Spoken(), read: 0 };
      this.#known.set(session, known);
      while (known.read < session.events.length) {
        const event = session.events[known.read++];
        known.spoken.take(event);
        this.#onEvent(session, event);
      }
    }
  }

  /** @param {Session | null} session */
  of(session) {
    return session ? this.#known.get(session)?.spoken : undefined;
  }

  /** All turns, those of earlier sessions first. */
  get turns() {
    return this.#runs.sessions.flatMap((session) => this.of(session)?.turns ?? []);
  }
}
