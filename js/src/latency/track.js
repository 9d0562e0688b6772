// What the chart knows of one stream: columns of its chunks, taken in as they come. No page, no clock.

import { bisectLeft, bisectRight } from "d3-array";
import { codePoints } from "../lib/state.js";
import { Bins } from "./bins.js";
import { Breakdown } from "./breakdown.js";
import { Gaps } from "./gaps.js";
import { Growing } from "./growing.js";

/** @import { StreamEvent } from "../lib/messages.js" */

const CONTENT = new Set(["text", "reasoning", "refusal", "tool", "audio", "transcript"]);

/** @typedef {{number: number, seq: number, at: number, gap: number | null, size: number, kind: string, read: number}} Chunk */

export class Track {
  /** When each chunk was read, µs of the stream's clock. @type {number[]} */
  ats = [];
  /** Its characters; a piece of sound counts as one. @type {number[]} */
  sizes = [];
  /** Its event's place in the stream. @type {number[]} */
  seqs = [];
  /** @type {string[]} */
  kinds = [];
  /** The number of the read that brought it, from 1. @type {number[]} */
  reads = [];
  characters = 0;
  bins = new Bins();
  gaps = new Gaps();
  breakdown = new Breakdown();
  lastAt = 0;
  /** Its drawn lines, which grow with it. */
  paths = { thought: new Growing(), answer: new Growing(), curve: new Growing() };
  #taken = 0;

  /** Take in what is new. @param {StreamEvent[]} events all of the stream */
  take(events) {
    for (; this.#taken < events.length; this.#taken++) this.#event(events[this.#taken]);
  }

  get taken() {
    return this.#taken;
  }

  /** @param {StreamEvent} event */
  #event(event) {
    const content = isContent(event);
    this.lastAt = Math.max(this.lastAt, event.at);
    this.breakdown.take(event, content);
    if (!content) return;
    const size = event.type === "audio" ? 1 : codePoints(event.delta); // base64 has no characters to count
    this.gaps.take(event.at);
    this.bins.take(event.at, size, event.type === "reasoning");
    this.ats.push(event.at);
    this.sizes.push(size);
    this.seqs.push(event.seq);
    this.kinds.push(event.type);
    this.reads.push(this.gaps.reads);
    this.characters += size;
  }

  /** The chunk of an index, from 0. @param {number} index @returns {Chunk} */
  chunk(index) {
    const { ats, sizes, seqs, kinds, reads } = this;
    const gap = index > 0 ? ats[index] - ats[index - 1] : null;
    return { number: index + 1, seq: seqs[index], at: ats[index], gap, size: sizes[index], kind: kinds[index], read: reads[index] };
  }

  /** The index of the chunk nearest to an instant, -1 where there is none. @param {number} at µs */
  nearest(at) {
    const right = bisectLeft(this.ats, at);
    const left = right - 1;
    if (right >= this.ats.length) return left;
    return left < 0 || this.ats[right] - at < at - this.ats[left] ? right : left;
  }

  /** The index of the chunk that is this event, or the last one before it. @param {number} seq */
  indexOf(seq) {
    return bisectRight(this.seqs, seq) - 1;
  }
}

/** Whether an event brings a piece of content; the user's own words are none. @param {StreamEvent} event */
const isContent = ({ type, delta, role }) => CONTENT.has(type) && Boolean(delta) && !(type === "transcript" && role === "user");
