// Chunks over time as a small still picture: when it waited, when content came and how much. Integers only in its ticks: the static card
// (`timeline.py`) draws the very same.

/** @import { StreamState } from "./state.js" */

export const WIDTH = 160;
export const HEIGHT = 16;

const BAND = 5;
const GAP_US = 250_000;
const GAP_FACTOR = 8; // a gap is shaded when it is longer than GAP_US, and so many times the median one

/** @typedef {{x: number, width: number}} Band */

/** When everything has come. @param {number[]} ats @param {StreamState["terminal"]} terminal */
const endOf = (ats, terminal) => Math.max(terminal?.at ?? 0, ats.at(-1) ?? 0, 1);

/**
 * The `d` of a path: a tick for each column in which chunks came, two units higher for each doubling of their characters.
 * @param {StreamState} state
 * @param {boolean} [thought] ticks of reasoning only, or of all else; without it, of all
 */
export function sparkPath({ ats, sizes, thoughts, terminal }, thought) {
  const end = endOf(ats, terminal);
  const columns = new Float64Array(WIDTH).fill(-1); // a chunk may be without characters, and has its tick
  for (let i = 0; i < ats.length; i++) {
    if (thought !== undefined && thoughts[i] !== thought) continue;
    const column = Math.min(WIDTH - 1, Math.floor((ats[i] * WIDTH) / end));
    columns[column] = Math.max(columns[column], 0) + sizes[i];
  }
  return Array.from(columns, (size, column) => (size < 0 ? "" : `M${column}.5 ${HEIGHT}V${HEIGHT - height(size)}`)).join("");
}

/** @param {number} size */
const height = (size) => Math.min(HEIGHT, 2 + 2 * (32 - Math.clz32(size)));

/** The wait before the first content, and the gaps that stand out, in the picture's units. @param {StreamState} state @returns {Band[]} */
export function sparkBands({ ats, terminal }) {
  if (!ats.length) return [];
  const scale = WIDTH / endOf(ats, terminal);
  return [{ from: 0, to: ats[0] }, ...longGaps(ats)].map(({ from, to }) => ({ x: from * scale, width: (to - from) * scale }));
}

/** @param {number[]} ats */
function longGaps(ats) {
  const least = Math.max(GAP_US, GAP_FACTOR * medianGap(ats));
  const long = [];
  for (let i = 1; i < ats.length; i++) if (ats[i] - ats[i - 1] > least) long.push({ from: ats[i - 1], to: ats[i] });
  return long;
}

/** The median time between chunks; 0 where most are too short to matter: to sort many of them takes longer than a frame may. @param {number[]} ats */
function medianGap(ats) {
  const gaps = new Float64Array(Math.max(0, ats.length - 1));
  let short = 0;
  for (let i = 0; i < gaps.length; i++) {
    gaps[i] = ats[i + 1] - ats[i];
    if (gaps[i] * GAP_FACTOR <= GAP_US) short += 1;
  }
  if (short * 2 > gaps.length || !gaps.length) return 0;
  gaps.sort();
  const middle = gaps.length >> 1;
  return gaps.length % 2 ? gaps[middle] : (gaps[middle - 1] + gaps[middle]) / 2;
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
    this.#mark.setAttribute("d", failed && ats.length ? box(Math.min((terminal.at / endOf(ats, terminal)) * WIDTH, WIDTH - 0.8), 0.8, HEIGHT) : "");
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
