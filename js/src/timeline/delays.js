// How long nothing came before a chunk, in steps that the eye tells apart: each about three times the one before.

/** Where each step begins, µs. */
export const STEPS = [15_000, 50_000, 150_000, 500_000, 1_500_000];

/** What the legend says of each, from none up. */
export const STEP_WORDS = ["< 15 ms", "15", "50", "150", "500 ms", "1.5 s"];

/** The step of a delay, 0 for one that is not felt. @param {number} us */
export const levelOf = (us) => STEPS.filter((from) => us >= from).length;

const GAP_US = 250_000;
const GAP_FACTOR = 8;

/** @typedef {{from: number, to: number, wait: boolean}} Gap */

/**
 * The silences that stand out, as the static card shades them: the wait before the first chunk, and those much longer than the median.
 * @param {{at: number}[]} chunks
 * @returns {Gap[]}
 */
export function gapsOf(chunks) {
  const gaps = chunks.slice(1).map((chunk, i) => ({ from: chunks[i].at, to: chunk.at, wait: false }));
  const lengths = gaps.map(({ from, to }) => to - from).sort((a, b) => a - b);
  const half = lengths.length >> 1;
  const median = lengths.length % 2 ? lengths[half] : (lengths[half - 1] + lengths[half]) / 2;
  const shaded = gaps.filter(({ from, to }) => to - from > Math.max(GAP_US, GAP_FACTOR * median));
  return chunks.length ? [{ from: 0, to: chunks[0].at, wait: true }, ...shaded] : [];
}
