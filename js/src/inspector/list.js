// The list of frames. Only the rows that are to be seen are in the document, however many there are.

import { h } from "../lib/dom.js";
import { grouped } from "../lib/figures.js";
import { clean } from "../lib/markdown/text.js";

/** @import { Chunk } from "../lib/chunks.js" */
/** @import { Row } from "./leg.js" */

const ROW = 24; // px
const SPARE = 8; // rows above and below
const FIRST = 160; // characters

let lists = 0;

export class List {
  #space = h("div", "tw-space");
  root = h("div", "tw-list", this.#space);
  #name = `tw-frames-${lists++}`;
  #pick;
  /** @type {Row[]} */
  #rows = [];
  /** @type {Chunk[]} */
  #chunks = [];
  #selected = -1;
  #shown = "";

  /** @param {(frame: number) => void} pick told which frame is chosen */
  constructor(pick) {
    this.#pick = pick;
    this.#space.setAttribute("role", "presentation");
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "listbox");
    this.root.ariaLabel = "Frames";
    this.root.addEventListener("scroll", () => this.#draw());
    this.root.addEventListener("click", ({ target }) => {
      const row = target instanceof Element ? target.closest("[data-frame]") : null;
      if (row instanceof HTMLElement) this.#choose(Number(row.dataset.frame));
    });
    this.root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** At once, so that the next key goes on from there. @param {number} frame */
  #choose(frame) {
    this.#select(frame);
    this.#pick(frame);
  }

  /** @param {number} frame */
  #select(frame) {
    this.#selected = frame;
    this.#shown = "";
    this.#reveal();
    this.#draw();
  }

  /** @param {Row[]} rows @param {Chunk[]} chunks @param {number} selected index of the frame */
  show(rows, chunks, selected) {
    if (rows !== this.#rows) {
      this.#rows = rows;
      this.#chunks = chunks;
      this.#shown = "";
      this.#space.style.height = `${rows.length * ROW}px`;
    }
    if (selected !== this.#selected) this.#select(selected);
    this.#draw();
  }

  /** Scroll no further than is needed. */
  #reveal() {
    const place = this.#place;
    if (place < 0) return;
    const { scrollTop, clientHeight } = this.root;
    if (place * ROW < scrollTop) this.root.scrollTop = place * ROW;
    else if ((place + 1) * ROW > scrollTop + clientHeight) this.root.scrollTop = (place + 1) * ROW - clientHeight;
  }

  /** Where in the list the selected frame stands. */
  get #place() {
    return this.#rows.findIndex(({ index }) => index === this.#selected);
  }

  #draw() {
    const from = Math.max(0, Math.floor(this.root.scrollTop / ROW) - SPARE);
    const to = Math.min(this.#rows.length, Math.ceil((this.root.scrollTop + (this.root.clientHeight || 400)) / ROW) + SPARE);
    if (this.#shown === `${from} ${to}`) return;
    this.#shown = `${from} ${to}`;
    this.#space.replaceChildren(...this.#rows.slice(from, to).map((row, i) => this.#row(row, from + i)));
    if (this.#place >= from && this.#place < to) this.root.setAttribute("aria-activedescendant", `${this.#name}-${this.#selected}`);
    else this.root.removeAttribute("aria-activedescendant");
  }

  /** @param {Row} row @param {number} place */
  #row(row, place) {
    const made = h(
      "div",
      "tw-row",
      h("span", "tw-offset", offset(row.at)),
      h("span", "tw-dir", row.dir === "out" ? "→" : "←"),
      h("span", "tw-size", size(row.size)),
      h("span", "tw-kind", row.kind),
      this.#beginning(row),
    );
    made.style.top = `${place * ROW}px`;
    made.id = `${this.#name}-${row.index}`;
    made.dataset.frame = String(row.index);
    made.dataset.dir = row.dir;
    made.setAttribute("role", "option");
    made.ariaSelected = String(row.index === this.#selected);
    made.ariaSetSize = String(this.#rows.length);
    made.ariaPosInSet = String(place + 1);
    return made;
  }

  /** What it says, then how it begins; where a message goes on from the frame before, or into the next, and how many are in it. @param {Row} row */
  #beginning({ text, brought, touches, continues, broken }) {
    const said = clean(brought.map((chunk) => this.#chunks[chunk]?.text ?? "").join("").slice(0, FIRST));
    const count = touches[1] - touches[0];
    const many = h("span", "tw-many", `${count} messages`);
    many.hidden = count < 2;
    return h(
      "span",
      "tw-first",
      ...(continues ? [edge("⋯", "goes on from the read before")] : []),
      ...(said ? [h("span", "tw-said", said.replaceAll("\n", "↵"))] : []),
      many,
      h("span", "tw-raw", clean(text.slice(0, FIRST)).replace(/\s+/g, " ")),
      ...(broken ? [edge("⋯", "goes on in the next read")] : []),
    );
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const page = Math.max(1, Math.floor(this.root.clientHeight / ROW) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step === undefined || this.#rows.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const place = Math.min(Math.max(this.#place + step, 0), this.#rows.length - 1);
    this.#choose(this.#rows[place].index);
  }
}

/** @param {string} mark @param {string} words */
function edge(mark, words) {
  const made = h("span", "tw-edge", mark);
  made.title = words;
  return made;
}

/** ms with a tenth, so that what came close together is told apart. @param {number} us */
const offset = (us) => `${grouped(Math.floor(us / 1000))}.${Math.floor((us % 1000) / 100)}`;

/** @param {number} bytes */
export const size = (bytes) => (bytes < 100_000 ? `${grouped(bytes)} B` : `${grouped(Math.round(bytes / 1000))} kB`);
