// The delays of a lane as a histogram, whose heights the kernel counts.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 28;
const BINS = 72;
const DECADES = 3;

/** Where the axis is marked. */
export const MARKS = ["10 ms", "100 ms", "1 s", "10 s"];

export class Bars {
  #bars = path("tw-lab-bars-of");
  #median = path("tw-lab-median");
  #p99 = path("tw-lab-p99");
  root = document.createElementNS(SVG, "svg");

  constructor() {
    const grid = path("tw-lab-grid");
    grid.setAttribute("d", Array.from({ length: DECADES + 1 }, (_, i) => `M${(i * BINS) / DECADES} 0V${HEIGHT}`).join("") + `M0 ${HEIGHT}H${BINS}`);
    const looks = { class: "tw-lab-bars", viewBox: `0 0 ${BINS} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" };
    for (const [name, value] of Object.entries(looks)) this.root.setAttribute(name, value);
    this.root.append(grid, this.#bars, this.#median, this.#p99);
  }

  /** @param {{bars: number[], at: (number | null)[], words: Record<string, string>}} row */
  draw({ bars, at, words }) {
    set(this.root, "aria-label", `Delays of ${words.name}: median ${words.median}, p99 ${words.p99}`);
    set(this.#bars, "d", bars.map((tall, i) => (tall ? `M${i}.5 ${HEIGHT}v-${Math.max(2, tall * (HEIGHT - 2)).toFixed(1)}` : "")).join(""));
    for (const [i, mark] of [this.#median, this.#p99].entries()) set(mark, "d", at[i] === null ? "" : `M${(at[i] * BINS).toFixed(2)} ${HEIGHT}V0`);
  }
}

/** @param {Element} element @param {string} name @param {string} value */
function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** @param {string} name */
function path(name) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", name);
  made.setAttribute("vector-effect", name === "tw-lab-bars-of" ? "none" : "non-scaling-stroke");
  return made;
}
