// The one time axis of all lanes, which changes its scale in few steps, and ticks on it.

export const WIDTH = 600;
export const HEIGHT = 24;

const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8];
const MARKS = 5;

/** The axis' end: the first of few round times that is not before `us`. @param {number} us */
export function axisEnd(us) {
  for (let decade = 100_000; ; decade *= 10) {
    const step = STEPS.find((step) => step * decade >= us);
    if (step) return step * decade;
  }
}

/** Where the axis is marked, and how: `[µs, words]`. @param {number} end @returns {[number, string][]} */
export function axisMarks(end) {
  const rough = end / MARKS;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * decade).find((step) => step >= rough) ?? rough;
  const digits = Math.max(0, 6 - Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => [i * step, `${((i * step) / 1e6).toFixed(digits)} s`]);
}

/**
 * The `d` of a path: a tick for each column in which something came, two units higher for each doubling of its size.
 * @param {number[]} xs µs
 * @param {number[]} sizes
 * @param {number} end of the axis
 */
export function ticksPath(xs, sizes, end) {
  /** @type {Map<number, number>} */
  const columns = new Map();
  xs.forEach((x, i) => {
    const column = Math.min(WIDTH - 1, Math.max(0, Math.floor((x * WIDTH) / end)));
    columns.set(column, (columns.get(column) ?? 0) + sizes[i]);
  });
  return [...columns].map(([column, size]) => `M${column}.5 ${HEIGHT}V${HEIGHT - tall(size)}`).join("");
}

/** @param {number} size */
const tall = (size) => Math.min(HEIGHT, 8 + 2 * (32 - Math.clz32(size)));
