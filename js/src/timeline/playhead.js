// Where in a stream the reader is, and how it moves: an instant, and how many of the chunks of that instant are counted as come.

import { last, lastAt, lastSeq } from "../lib/chunks.js";

/** @import { Chunk } from "../lib/chunks.js" */

export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8];

/** A silence that may be skipped, and what is left of it before the next chunk; µs. */
export const SKIPPED_US = 1_000_000;
const LEFT_US = 200_000;

export class Playhead {
  /** µs since the attempt began. */
  at = 0;
  /** The last chunk that has come, -1 before the first. */
  index = -1;
  playing = false;
  /** Whether it stays at the end of a stream that goes on. */
  following = true;
  /** Whether long silences are passed over. */
  skipping = false;
  /** µs of the last silence that was. */
  skipped = 0;
  /** The end so far, µs. */
  end = 0;
  #chunks;

  /** @param {Chunk[]} chunks a list that only grows */
  constructor(chunks) {
    this.#chunks = chunks;
  }

  /** The stream went on. @param {number} end µs */
  extend(end) {
    this.end = end;
    if (this.following) this.#put(end, this.#chunks.length - 1);
  }

  /** @param {number} at µs */
  seek(at) {
    const within = Math.min(Math.max(Math.round(at), 0), this.end);
    this.#leave();
    this.#put(within, lastAt(this.#chunks, within));
  }

  /** To a chunk, and not to those that came in the same instant behind it. @param {number} index */
  to(index) {
    const within = Math.min(Math.max(index, -1), this.#chunks.length - 1);
    this.#leave();
    this.#put(this.#chunks[within]?.at ?? 0, within);
  }

  /** @param {number} chunks how many, back where negative */
  step(chunks) {
    this.to(this.index + chunks);
  }

  /** To an event's chunk. @param {number} seq */
  select(seq) {
    this.to(lastSeq(this.#chunks, seq));
  }

  /** To the end, and on with it. */
  follow() {
    this.#leave();
    this.following = true;
    this.extend(this.end);
  }

  /** From where it is; from the beginning where that is the end. */
  play() {
    if (this.at >= this.end) this.seek(0);
    this.following = false;
    this.playing = true;
  }

  pause() {
    this.#leave();
  }

  /** Time passed while it plays. @param {number} us of the stream's time */
  advance(us) {
    const at = this.at + this.#skip() + us;
    this.#put(Math.min(at, this.end), Math.max(this.index, lastAt(this.#chunks, at)));
    if (at >= this.end) this.playing = false;
  }

  /** What is left out of the silence ahead, µs. */
  #skip() {
    const next = this.#chunks[this.index + 1]?.at ?? this.end;
    const silence = next - this.at - LEFT_US;
    if (!this.skipping || silence < SKIPPED_US) return 0;
    this.skipped = silence;
    return silence;
  }

  #leave() {
    this.playing = false;
    this.following = false;
    this.skipped = 0;
  }

  /** @param {number} at @param {number} index */
  #put(at, index) {
    this.at = at;
    this.index = index;
  }
}

/** The next speed up or down. @param {number} speed @param {1 | -1} direction */
export function shifted(speed, direction) {
  const place = last(SPEEDS, (one) => one <= speed) + direction;
  return SPEEDS[Math.min(Math.max(place, 0), SPEEDS.length - 1)];
}
