// Whether there is a kernel that does what is asked, and what it can do with an answer.

import { Refused } from "../lib/transport.js";

/** @import { Ask } from "../lib/ask.js" */

const PROBE_MS = 3000;
const NO_ANSWER = "The kernel does not answer: it is busy, or gone.";

/** Why each thing cannot be done, in a sentence that is empty where it can. @typedef {{retry: string, continue: string, code: string}} Offers */

export class Kernel {
  #ask;
  #changed;
  /** @type {Map<number, Offers>} by the answer's place in the card */
  #offers = new Map();
  /** @type {Set<number>} */
  #probes = new Set();
  /** Why it does nothing now, or an empty string. */
  away = "";

  /** @param {Ask} ask @param {() => void} changed */
  constructor(ask, changed) {
    this.#ask = ask;
    this.#changed = changed;
  }

  /** What may be done with an answer, once that is known. @param {number} version */
  offers(version) {
    return this.#offers.get(version);
  }

  /** Find out. @param {number} version */
  async probe(version) {
    if (this.#probes.has(version)) return;
    this.#probes.add(version);
    const late = setTimeout(() => this.#found(NO_ANSWER), PROBE_MS);
    try {
      this.#offers.set(version, await this.#ask("offers", { version }));
      this.#found("");
    } catch (error) {
      this.#found(error instanceof Refused && error.code === "not_found" ? "There is no kernel here." : NO_ANSWER);
    } finally {
      clearTimeout(late);
      this.#probes.delete(version);
    }
  }

  /** @param {string} away */
  #found(away) {
    this.away = away;
    this.#changed();
  }
}
