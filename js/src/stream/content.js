// What a stream says: its items in their order, reasoning folded above them, and what is to be said of its end below.

import { h, setHidden, setText } from "../lib/dom.js";
import { Markdown } from "../lib/markdown.js";
import { Prose } from "../lib/prose.js";
import { asideLines } from "./asides.js";
import { Scroller } from "./scroller.js";
import { Verbatim } from "./verbatim.js";
import { aside, reasoningWords, verdictOf } from "./words.js";

/** @import { Load } from "../lib/assets.js" */
/** @import { Item } from "../lib/state.js" */
/** @import { Session } from "../lib/session.js" */

/** @typedef {"markdown" | "text" | "json" | "code"} Format how the answer is set */
/** @typedef {{show(chunks: string[]): string, end?(): void}} Writer */
/**
 * @typedef {object} Setting
 * @property {Format} format
 * @property {Load} load
 * @property {Session[]} before whose answers this one goes on from, the first first
 */

export class Content {
  #session;
  #setting;
  #summary = h("summary", "");
  #thoughts = h("div", "tw-thoughts");
  #reasoning = h("details", "tw-reasoning", this.#summary, this.#thoughts);
  #lead = h("div", "tw-lead");
  #text = h("div", "tw-text");
  #asides = h("div", "tw-asides");
  #title = h("strong", "");
  #words = h("span", "");
  #verdict = h("div", "tw-verdict", this.#title, this.#words);
  #note = h("p", "tw-note");
  #body = h("div", "tw-body", this.#lead, this.#text, this.#asides, this.#verdict, this.#note);
  #newest = h("button", "tw-button tw-newest", "↓ newest");
  #scroller = new Scroller(this.#body, () => this.#point());
  #thinking = new Scroller(this.#thoughts);
  /** @type {{block: HTMLElement, writer: Writer, state: HTMLElement | null}[]} one for each item */
  #shown = [];
  #led = 0;
  #notices = 0;
  #ended = false;
  root = h("div", "tw-content", this.#reasoning, h("div", "tw-frame", this.#body, this.#newest));

  /** @param {Session} session @param {Setting} setting */
  constructor(session, setting) {
    this.#session = session;
    this.#setting = setting;
    this.#body.setAttribute("role", "group");
    this.#body.setAttribute("aria-label", "Answer");
    this.#newest.type = "button";
    this.#newest.hidden = true;
    this.#newest.addEventListener("click", () => this.#scroller.toEnd());
    for (const control of [this.#newest, this.#summary]) control.dataset.lmSuppressShortcuts = "true"; // Enter and Space are theirs
  }

  /** Show what is new. @returns {string} what was added to the answer */
  draw() {
    const { state, over } = this.#session;
    this.#leadIn();
    const added = state.items.map((item, i) => this.#show(item, i)).join("");
    if (over && !this.#ended) this.#end();
    this.#beside();
    this.tick();
    this.#scroller.follow();
    this.#point();
    this.#fill();
    return added;
  }

  /** Once there is more than fits, it is scrolled, and its height is kept: what comes is then laid out without the page around it. */
  #fill() {
    const { scrollHeight, clientHeight, offsetHeight, dataset, style } = this.#body;
    const full = scrollHeight > clientHeight;
    this.#body.tabIndex = full ? 0 : -1; // to scroll it by keys
    if (!full || dataset.full) return;
    style.height = `${offsetHeight}px`;
    dataset.full = "true";
  }

  /** Move the clocks. */
  tick() {
    const { state } = this.#session;
    const words = reasoningWords(state, this.#session.now());
    setText(this.#summary, words);
    setHidden(this.#reasoning, words === "");
    if (words) this.#thinking.follow();
    this.#remark();
  }

  /** The card was put elsewhere in the page. */
  moved() {
    this.#scroller.restore();
    this.#thinking.restore();
  }

  /** The answer as text: its Markdown, or its code. */
  get text() {
    return this.#session.state.items.filter(({ kind }) => kind === "text" || kind === "refusal").map(({ chunks }) => chunks.join("")).join("\n\n");
  }

  /** Whether there is nothing to copy. */
  get empty() {
    return !this.#session.state.items.some(({ kind, chunks }) => (kind === "text" || kind === "refusal") && chunks.length);
  }

  #point() {
    setHidden(this.#newest, this.#scroller.atEnd || this.#session.over);
  }

  /** The answers before this one, once they are whole. */
  #leadIn() {
    const { before } = this.#setting;
    for (; this.#led < before.length && before[this.#led].over; this.#led++) {
      for (const { kind, chunks } of before[this.#led].state.items) {
        if (kind !== "text") continue;
        const place = h("div", "tw-prose");
        const writer = this.#writer("text", place);
        this.#lead.append(place);
        writer.show(chunks);
        writer.end?.();
      }
      this.#lead.append(h("p", "tw-seam", "Continued"));
    }
  }

  /** @param {Item} item @param {number} index @returns {string} what was added to the answer */
  #show(item, index) {
    const { block, writer, state } = (this.#shown[index] ??= this.#place(item));
    const added = writer.show(item.chunks);
    setHidden(block, !item.chunks.length && item.kind !== "tool");
    if (item.kind === "tool" && state && item.done) this.#close(block, writer, state, item);
    return item.kind === "text" || item.kind === "refusal" ? added : "";
  }

  /** @param {HTMLElement} block @param {Writer} writer @param {HTMLElement} state @param {Item} item */
  #close(block, writer, state, { invalid }) {
    if (block.dataset.call !== "forming") return;
    block.dataset.call = invalid ? "invalid" : "done";
    setText(state, invalid ? "These arguments are not valid JSON." : "");
    if (!invalid) writer.end?.();
  }

  /** @param {Item} item */
  #place(item) {
    const place = h("div", "tw-prose");
    const state = item.kind === "tool" ? h("span", "tw-label", "forming…") : null;
    const block = h("div", `tw-item tw-${item.kind}`, ...labels(item), ...(state ? [state] : []), place);
    if (state) block.dataset.call = "forming";
    if (item.kind === "reasoning") this.#placeThoughts(block);
    else this.#text.append(block);
    return { block, writer: this.#writer(item.kind, place), state };
  }

  /** @param {Item["kind"]} kind @param {HTMLElement} place @returns {Writer} */
  #writer(kind, place) {
    const { format, load } = this.#setting;
    if (kind === "tool") return new Verbatim(place, load, "json");
    if (kind === "text" && (format === "json" || format === "code")) return new Verbatim(place, load, format === "json" ? "json" : "");
    return format === "markdown" ? new Markdown(place, { load }) : new Prose(place);
  }

  /** Reasoning stands above the answer, but does not push down an answer that is being read. @param {HTMLElement} block */
  #placeThoughts(block) {
    if (!this.#thoughts.hasChildNodes() && this.#text.hasChildNodes()) this.root.append(this.#reasoning);
    this.#thoughts.append(block);
  }

  #end() {
    this.#ended = true;
    this.#shown.forEach(({ block, writer, state }) => {
      if (block.dataset.call === undefined) writer.end?.();
      if (block.dataset.call === "forming" && state) setText(state, "cut off");
    });
  }

  /** Sources and the like, at the end: what is read stays where it is. */
  #beside() {
    const { state, over } = this.#session;
    if (!over || this.#notices === state.notices.length) return;
    this.#notices = state.notices.length;
    this.#asides.replaceChildren(...asideLines(state.notices));
  }

  #remark() {
    const verdict = verdictOf(this.#session);
    setHidden(this.#verdict, verdict === null);
    this.#verdict.dataset.level = verdict?.level ?? "";
    setText(this.#title, verdict ? `${verdict.title}: ` : "");
    setText(this.#words, verdict?.words ?? "");
    const words = aside(this.#session);
    setText(this.#note, words);
    setHidden(this.#note, words === "");
  }
}

/** @param {Item} item */
function labels({ kind, choice, name }) {
  const words = [choice ? `Choice ${choice + 1}` : "", { refusal: "Refusal", tool: "Tool call", transcript: `Spoken, ${name}` }[/** @type {string} */ (kind)] ?? ""];
  const made = words.filter(Boolean).map((word) => h("span", "tw-label", word));
  return kind === "tool" ? [...made, h("code", "tw-name", name || "tool")] : made;
}
