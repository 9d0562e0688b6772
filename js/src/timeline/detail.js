// What is known of one chunk: when it came, behind how long a silence, in which read, and the event itself.

import { h, setText } from "../lib/dom.js";
import { seconds } from "../lib/figures.js";
import { clean } from "../lib/markdown/text.js";
import { chunkWords, gapWords, readWords } from "./words.js";

/** @import { Scrubber } from "./scrubber.js" */

const FIRST = 240; // characters of a frame

export class Detail {
  #title = h("div", "tw-detail-title");
  #at = h("dd", "");
  #gap = h("dd", "");
  #read = h("dd", "");
  #frame = h("pre", "tw-code");
  #event = h("pre", "tw-code");
  root = h(
    "div",
    "tw-detail",
    this.#title,
    h("dl", "tw-facts", h("dt", "", "Came at"), this.#at, h("dt", "", "Gap"), this.#gap, h("dt", "", "Read"), this.#read),
    h("div", "tw-label", "Frame, its first characters"),
    this.#frame,
    h("div", "tw-label", "Event"),
    this.#event,
  );

  constructor() {
    this.root.setAttribute("role", "group");
    this.root.tabIndex = 0; // to scroll it by keys
    this.root.ariaLabel = "The chunk at the playhead";
  }

  /** @param {Scrubber} scrubber */
  show({ chunks, playhead, frames, carriers, reads, unknown }) {
    const { index } = playhead;
    const chunk = chunks.all[index];
    setText(this.#title, capital(chunkWords(index, chunks.all.length)));
    setText(this.#at, chunk ? seconds(chunk.at) : "–");
    setText(this.#gap, chunk ? gapWords(chunk, index) : "–");
    setText(this.#read, !chunk ? "–" : frames ? readWords(reads[carriers[index]], reads.at(-1)?.number ?? 0, index) : unknown || "known when the stream has ended");
    setText(this.#frame, (chunk && frames && clean(frames[carriers[index]]?.text ?? "").slice(0, FIRST).trimEnd()) || "–");
    setText(this.#event, chunk ? clean(JSON.stringify(chunk.event, null, 1)) : "–");
  }
}

/** @param {string} words */
const capital = (words) => words[0].toUpperCase() + words.slice(1);
