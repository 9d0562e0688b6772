// What the timeline says, in words.

import { duration, grouped, seconds } from "../lib/figures.js";

/** @import { Chunk } from "../lib/chunks.js" */
/** @import { Read } from "../lib/wire.js" */
/** @import { Playhead } from "./playhead.js" */

/** @param {number} index @param {number} count */
export const chunkWords = (index, count) => (index < 0 ? `before the first of ${grouped(count)} chunks` : `chunk ${grouped(index + 1)} of ${grouped(count)}`);

/** @param {Chunk} chunk @param {number} index */
export const gapWords = ({ gap }, index) => (index === 0 ? `${duration(gap)} after the attempt began` : `${duration(gap)} after the chunk before`);

/** Where the playhead is, as it is read aloud. @param {Playhead} playhead @param {Chunk[]} chunks */
export function positionWords({ at, index }, chunks) {
  const chunk = chunks[index];
  return [seconds(at), chunkWords(index, chunks.length), ...(chunk ? [gapWords(chunk, index)] : [])].join(", ");
}

/** The read that brought a chunk, and what else it brought. @param {Read | undefined} read @param {number} total @param {number} index */
export function readWords(read, total, index) {
  if (!read) return "no frame is known to have carried it";
  const others = read.chunks.filter((chunk) => chunk !== index).map((chunk) => chunk + 1);
  const company = others.length ? `together with ${ranges(others)}` : "alone in it";
  return `${grouped(read.number)} of ${grouped(total)}, ${company}`;
}

const RANGES = 4;

/** Numbers in order, those in a row as one. @param {number[]} numbers */
export function ranges(numbers) {
  /** @type {[number, number][]} */
  const rows = [];
  for (const n of numbers) {
    const row = rows.at(-1);
    if (row && row[1] === n - 1) row[1] = n;
    else rows.push([n, n]);
  }
  const words = rows.slice(0, RANGES).map(([from, to]) => (from === to ? grouped(from) : `${grouped(from)}–${grouped(to)}`));
  return words.join(", ") + (rows.length > RANGES ? ", …" : "");
}
