// Chunks over time, in a bounded number of bins however many chunks there are and however long it takes: when a stream outgrows them, two
// become one. A bin remembers the instant of its first chunk, so that few chunks stand exactly where they are.

/** At least half of them are used, which is a bin for one or two pixels. */
const BINS = 1024;
const WIDTH_US = 500;

/** @typedef {{at: number, answer: number, thought: number, total: number}} Bin characters of each kind, and of all up to its end */

export class Bins {
  /** Those that hold something, in order of time. @type {Bin[]} */
  list = [];
  /** Changes when earlier bins changed. */
  generation = 0;
  /** @type {number[]} */
  #indexes = [];
  #width = WIDTH_US;
  #total = 0;

  /** @param {number} at µs @param {number} size characters @param {boolean} thought */
  take(at, size, thought) {
    while (at >= this.#width * BINS) this.#widen();
    const index = Math.floor(at / this.#width);
    this.#total += size;
    if (this.#indexes.at(-1) !== index) {
      this.#indexes.push(index);
      this.list.push({ at, answer: 0, thought: 0, total: 0 });
    }
    const bin = this.list[this.list.length - 1];
    bin[thought ? "thought" : "answer"] += size;
    bin.total = this.#total;
  }

  #widen() {
    this.generation += 1;
    this.#width *= 2;
    const { list } = this;
    const indexes = this.#indexes;
    this.list = [];
    this.#indexes = [];
    list.forEach((bin, i) => {
      const index = indexes[i] >> 1;
      const last = this.list[this.list.length - 1];
      if (this.#indexes.at(-1) === index) Object.assign(last, { answer: last.answer + bin.answer, thought: last.thought + bin.thought, total: bin.total });
      else {
        this.#indexes.push(index);
        this.list.push(bin);
      }
    });
  }
}
