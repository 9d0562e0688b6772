// The text of a stream with a span for each chunk, made once. What has not come yet is there, and not seen: nothing moves while it plays.

import { h } from "./dom.js";
import { Cleaner } from "./markdown/text.js";

/** @import { Chunk } from "./chunks.js" */

const PAGE = 256; // chunks that are shown or hidden together
const RUN = 32; // chunks after which the next line break begins a new run, so that a change lays out little
const TITLES = { text: "", reasoning: "Reasoning", refusal: "Refusal", tool: "Tool call", transcript: "Spoken", audio: "Sound" };

/**
 * @typedef {object} Block
 * @property {HTMLElement} root
 * @property {HTMLElement} text
 * @property {Cleaner} cleaner
 * @property {number} first of its chunks
 * @property {Page | null} page the one that is being filled
 */
/** @typedef {{run: HTMLElement, element: HTMLElement, first: number, last: number}} Page in a run of lines of its own */

export class TokenText {
  root = h("div", "tw-tokens");
  /** @type {HTMLElement[]} one for each chunk */
  spans = [];
  #levelOf;
  /** @type {Map<string, Block>} */
  #blocks = new Map();
  /** @type {Page[]} */
  #pages = [];
  #shown = -1;
  /** @type {HTMLElement | null} */
  #current = null;

  /**
   * @param {(chunk: Chunk) => number} levelOf its tint, 0 for none
   * @param {(index: number) => void} pick told of a click on a chunk
   */
  constructor(levelOf, pick) {
    this.#levelOf = levelOf;
    this.root.addEventListener("click", ({ target }) => {
      const index = target instanceof HTMLElement ? target.dataset.chunk : undefined;
      if (index !== undefined && getSelection()?.isCollapsed !== false) pick(Number(index));
    });
  }

  /** @param {Chunk[]} chunks those that are new, in their order */
  add(chunks) {
    for (const chunk of chunks) this.#add(chunk);
  }

  /** Show what had come with a chunk, and mark it. @param {number} index -1 shows nothing */
  show(index) {
    for (const { root, first } of this.#blocks.values()) root.classList.toggle("tw-unseen", first > index);
    for (const page of this.#pages) this.#showPage(page, index);
    this.#shown = index;
    this.#current?.removeAttribute("aria-current");
    this.#current = this.spans[index] ?? null;
    this.#current?.setAttribute("aria-current", "true");
  }

  /** Scroll a chunk into view, and nothing but this text. @param {number} index */
  reveal(index) {
    const span = this.spans[index];
    if (!span) return;
    const [box, view] = [span.getBoundingClientRect(), this.root.getBoundingClientRect()];
    if (box.top < view.top) this.root.scrollTop -= view.top - box.top + 24;
    else if (box.bottom > view.bottom) this.root.scrollTop += box.bottom - view.bottom + 24;
  }

  /** @param {Chunk} chunk */
  #add(chunk) {
    const block = this.#blocks.get(chunk.place) ?? this.#begin(chunk);
    const index = this.spans.length;
    const page = block.page ?? this.#turn(block, index);
    const span = h("span", "tw-token", block.cleaner.take(chunk.text));
    span.dataset.chunk = String(index);
    const level = this.#levelOf(chunk);
    if (level) span.dataset.delay = String(level);
    page.last = index;
    page.element.append(span);
    this.spans.push(span);
    const size = page.element.childElementCount;
    if (chunk.text.endsWith("\n") && size >= RUN) block.page = null;
    else if (size >= PAGE) this.#turn(block, index + 1, page.run);
  }

  /** @param {Chunk} chunk @returns {Block} */
  #begin({ place, kind, name, choice }) {
    const title = [choice ? `Choice ${choice + 1}` : "", TITLES[kind], name].filter(Boolean).join(" · ");
    const text = h("div", "tw-block-text");
    text.dir = "auto";
    const root = h("div", `tw-block tw-block-${kind}`, ...(title ? [h("div", "tw-block-title", title)] : []), text);
    const block = { root, text, cleaner: new Cleaner(), first: this.spans.length, page: null };
    this.#blocks.set(place, block);
    this.root.append(root);
    return block;
  }

  /** A new page, in a run of its own unless it goes on in one. @param {Block} block @param {number} first @param {HTMLElement} run */
  #turn(block, first, run = h("div", "")) {
    const page = { run, element: h("span", ""), first, last: first };
    block.page = page;
    run.append(page.element);
    if (run !== block.text.lastChild) block.text.append(run);
    this.#pages.push(page);
    return page;
  }

  /** @param {Page} page @param {number} index */
  #showPage({ element, first, last }, index) {
    element.classList.toggle("tw-unseen", first > index);
    const [low, high] = [Math.min(index, this.#shown), Math.max(index, this.#shown)];
    if (last <= low || first > high) return;
    for (const span of element.children) {
      const chunk = Number(/** @type {HTMLElement} */ (span).dataset.chunk);
      span.classList.toggle("tw-unseen", chunk > index);
    }
  }
}
