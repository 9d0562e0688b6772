// What the reader does to the link, on its way to the kernel: one message at a time, the newest of each kind.

import { reasonOf } from "../lib/transport.js";

/** @import { Ask } from "../lib/ask.js" */

export class Changes {
  #ask;
  #failed;
  /** @type {Record<string, unknown>} */
  #waiting = {};
  /** @type {Record<string, unknown>} */
  #sent = {};
  #busy = false;

  /** @param {Ask} ask @param {(why: string) => void} failed told why a change was not made; empty when one was */
  constructor(ask, failed) {
    this.#ask = ask;
    this.#failed = failed;
  }

  /** What the kernel has not heard of, or not answered yet. @returns {Record<string, unknown>} */
  get pending() {
    return { ...this.#sent, ...this.#waiting };
  }

  /** @param {Record<string, unknown>} fields */
  set(fields) {
    Object.assign(this.#waiting, fields);
    if (!this.#busy) this.#send();
  }

  async #send() {
    this.#busy = true;
    while (Object.keys(this.#waiting).length) {
      this.#sent = this.#waiting;
      this.#waiting = {};
      await this.#ask("change", this.#sent).then(() => this.#failed(""), (error) => this.#failed(reasonOf(error)));
      this.#sent = {};
    }
    this.#busy = false;
  }
}
