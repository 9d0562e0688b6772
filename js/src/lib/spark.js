// Chunks over time as one path of vertical ticks. Integers only: the static card draws the very same.

/** @import { StreamState } from "./state.js" */

export const WIDTH = 160;
export const HEIGHT = 16;

/**
 * The path's `d`: a tick for each column in which chunks came, two units higher for each doubling of their characters.
 * @param {StreamState} state
 */
export function sparkPath({ ats, sizes, terminal }) {
  const end = Math.max(terminal?.at ?? 0, ats.at(-1) ?? 0, 1);
  /** @type {Map<number, number>} */
  const columns = new Map();
  ats.forEach((at, i) => {
    const column = Math.min(WIDTH - 1, Math.floor((at * WIDTH) / end));
    columns.set(column, (columns.get(column) ?? 0) + sizes[i]);
  });
  return [...columns].map(([column, size]) => `M${column}.5 ${HEIGHT}V${HEIGHT - height(size)}`).join("");
}

/** @param {number} size */
const height = (size) => Math.min(HEIGHT, 2 + 2 * (32 - Math.clz32(size)));
