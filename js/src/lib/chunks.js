// The content of a stream as a list of chunks: what came when, and how long nothing had come before it.

import { codePoints } from "./state.js";

/** @import { StreamEvent } from "./messages.js" */

/** @typedef {"text" | "reasoning" | "refusal" | "tool" | "transcript" | "audio"} Kind */
/**
 * One event of content that is not empty. A chunk of the wire may be more or less than a token.
 * @typedef {object} Chunk
 * @property {number} seq
 * @property {number} at µs
 * @property {number} gap µs since the chunk before it; of the first, since the attempt began
 * @property {Kind} kind
 * @property {string} place of the block it belongs to
 * @property {string} name of the tool or speaker, if the event says it
 * @property {number} choice
 * @property {string} text empty for sound
 * @property {number} size characters
 * @property {StreamEvent} event
 */

const KINDS = new Set(["text", "reasoning", "refusal", "tool", "transcript", "audio"]);

/** Grows with a stream; the same events give the same chunks. */
export class Chunks {
  /** @type {Chunk[]} */
  all = [];
  #taken = 0;
  /** Tools are named by an event that may have no text. @type {Map<string, string>} */
  #names = new Map();

  /**
   * Take what is new.
   * @param {StreamEvent[]} events the same list as before, or longer
   * @returns {Chunk[]} the chunks that came
   */
  take(events) {
    const before = this.all.length;
    for (; this.#taken < events.length; this.#taken++) this.#add(events[this.#taken]);
    return this.all.slice(before);
  }

  /** @param {StreamEvent} event */
  #add(event) {
    if (!KINDS.has(event.type) || event.role === "user") return;
    const place = `${event.type} ${event.choice ?? 0} ${event.block}`;
    if (event.name || event.role) this.#names.set(place, event.name ?? event.role);
    if (!event.delta) return;
    const audio = event.type === "audio";
    this.all.push({
      seq: event.seq,
      at: event.at,
      gap: event.at - (this.all.at(-1)?.at ?? 0),
      kind: /** @type {Kind} */ (event.type),
      place,
      name: this.#names.get(place) ?? "",
      choice: event.choice ?? 0,
      text: audio ? "" : event.delta,
      size: audio ? 1 : codePoints(event.delta),
      event,
    });
  }
}

/**
 * The last chunk that had come at an instant.
 * @param {Chunk[]} chunks
 * @param {number} at µs
 * @returns {number} its index, -1 before the first
 */
export const lastAt = (chunks, at) => last(chunks, (chunk) => chunk.at <= at);

/**
 * The chunk that an event is, or the last one before it.
 * @param {Chunk[]} chunks
 * @param {number} seq
 * @returns {number} its index, -1 before the first
 */
export const lastSeq = (chunks, seq) => last(chunks, (chunk) => chunk.seq <= seq);

/**
 * The last of a list's beginning that `holds`, by halving.
 * @template T
 * @param {T[]} list
 * @param {(item: T) => boolean} holds true up to some place, false behind it
 */
export function last(list, holds) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle])) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
