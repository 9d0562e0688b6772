// Chunks over time as a small still picture: when it waited, when content came and how much. Integers only in its ticks: the static card
// (`timeline.py`) draws the very same.

/** @import { StreamState } from "./state.js" */

export const WIDTH = 160;
export const HEIGHT = 16;

const BAND = 5;
const GAP_US = 250_000;
const GAP_FACTOR = 8; // a gap is shaded when it is longer than GAP_US, and so many times the median one

/** @typedef {{x: number, width: number}} Band */

/** When everything has come. @param {StreamState} state */
const endOf = ({ ats, terminal }) => Math.max(terminal?.at ?? 0, ats.at(-1) ?? 0, 1);

/**
 * The `d` of a path: a tick for each column in which chunks came, two units higher for each doubling of their characters.
 * @param {StreamState} state
 * @param {boolean} [thought] ticks of reasoning only, or of all else; without it, of all
 */
export function sparkPath(state, thought) {
  const end = endOf(state);
  /** @type {Map<number, number>} */
  const columns = new Map();
  state.ats.forEach((at, i) => {
    if (thought !== undefined && state.thoughts[i] !== thought) return;
    const column = Math.min(WIDTH - 1, Math.floor((at * WIDTH) / end));
    columns.set(column, (columns.get(column) ?? 0) + state.sizes[i]);
  });
  return [...columns].map(([column, size]) => `M${column}.5 ${HEIGHT}V${HEIGHT - height(size)}`).join("");
}

/** @param {number} size */
const height = (size) => Math.min(HEIGHT, 2 + 2 * (32 - Math.clz32(size)));

/** The wait before the first content, and the gaps that stand out, in the picture's units. @param {StreamState} state @returns {Band[]} */
export function sparkBands(state) {
  const { ats } = state;
  if (!ats.length) return [];
  const scale = WIDTH / endOf(state);
  const gaps = ats.slice(1).map((at, i) => ({ from: ats[i], length: at - ats[i] }));
  const least = Math.max(GAP_US, GAP_FACTOR * median(gaps.map(({ length }) => length)));
  const shaded = [{ from: 0, length: ats[0] }, ...gaps.filter(({ length }) => length > least)];
  return shaded.map(({ from, length }) => ({ x: from * scale, width: length * scale }));
}

/** @param {number[]} values */
function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

const SVG = "http://www.w3.org/2000/svg";

/** The picture, drawn anew by `draw`. */
export class Spark {
  #bands = shape("path", { fill: "currentColor", "fill-opacity": "0.12" });
  #thoughts = shape("path", { stroke: "currentColor", "stroke-width": "0.6", "stroke-opacity": "0.4" });
  #answer = shape("path", { stroke: "currentColor", "stroke-width": "0.6", "stroke-opacity": "0.85" });
  #mark = shape("path", { class: "tw-spark-mark" });
  root = shape("svg", { class: "tw-spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  #drawn = "";

  constructor() {
    const line = shape("path", { d: box(0, WIDTH, 0.5), fill: "currentColor", "fill-opacity": "0.25" });
    this.root.append(line, this.#bands, this.#thoughts, this.#answer, this.#mark);
  }

  /** @param {StreamState} state */
  draw(state) {
    const { ats, terminal } = state;
    const known = `${ats.length} ${terminal?.at}`;
    if (known === this.#drawn) return;
    this.#drawn = known;
    const failed = terminal?.type === "error" || terminal?.reason === "truncated";
    this.#bands.setAttribute("d", sparkBands(state).map(({ x, width }) => box(x, width, BAND)).join(""));
    this.#thoughts.setAttribute("d", sparkPath(state, true));
    this.#answer.setAttribute("d", sparkPath(state, false));
    this.#mark.setAttribute("d", failed && ats.length ? box(Math.min((terminal.at / endOf(state)) * WIDTH, WIDTH - 0.8), 0.8, HEIGHT) : "");
  }
}

/** A rectangle on the picture's ground. @param {number} x @param {number} width @param {number} height */
const box = (x, width, height) => `M${x.toFixed(1)} ${HEIGHT}v${-height}h${width.toFixed(1)}v${height}z`;

/** @param {string} name @param {Record<string, string>} attributes */
function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}
