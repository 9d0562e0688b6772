// A path over bins that grows at its end: what stands is kept, so that a frame costs what is new.

/** @import { Bin, Bins } from "./bins.js" */

/**
 * @template S
 * @typedef {object} Pen
 * @property {() => S} begin
 * @property {(state: S, bin: Bin) => void} take
 * @property {(state: S) => string} finish the path, from a copy of the state
 */

export class Growing {
  #key = "";
  #taken = 0;
  /** @type {any} of the pen */
  #state = null;

  /**
   * @template {object} S
   * @param {string} key of everything but the bins that the path depends on
   * @param {Bins} bins
   * @param {Pen<S>} pen
   */
  path(key, { list, generation }, pen) {
    const whole = `${key} ${generation}`;
    if (this.#key !== whole || !this.#state) {
      this.#key = whole;
      this.#taken = 0;
      this.#state = pen.begin();
    }
    for (; this.#taken < list.length - 1; this.#taken++) pen.take(this.#state, list[this.#taken]);
    /** @type {S} */
    const copy = { ...this.#state }; // the last bin may still grow
    if (list.length > 0) pen.take(copy, list[list.length - 1]);
    return pen.finish(copy);
  }
}
