// The card that shows a stream. It only ever draws what the session holds.

import { Announcer } from "../lib/announce.js";
import { h, pinned, setText } from "../lib/dom.js";
import { Prose } from "../lib/prose.js";
import { HEIGHT, WIDTH, sparkPath } from "../lib/spark.js";
import { LABELS, MARKS } from "../lib/transport.js";
import { figureWords, phaseOf, phaseWords, reasoningWords, remark, routeWords } from "./words.js";

/** @import { Item } from "../lib/state.js" */
/** @import { Session } from "../lib/session.js" */

const FIGURES_MS = 250; // figures that change faster cannot be read
const SVG = "http://www.w3.org/2000/svg";

export class Card {
  #session;
  #word = h("span", "tw-word");
  #model = h("span", "tw-model");
  #tag = h("span", "tw-tag");
  #mark = h("span", "tw-mark");
  #lane = h("span", "");
  #instead = h("span", "tw-instead");
  #badge = h("span", "tw-badge", this.#mark, this.#lane, this.#instead);
  #stop = h("button", "tw-button", "Stop");
  #summary = h("summary", "");
  #thoughts = h("div", "tw-thoughts");
  #reasoning = h("details", "tw-reasoning", this.#summary, this.#thoughts);
  #text = h("div", "tw-text");
  #note = h("p", "tw-note");
  #body = h("div", "tw-body", this.#text, this.#note);
  #line = h("span", "tw-line");
  #path = document.createElementNS(SVG, "path");
  #live = h("div", "tw-live");
  #announcer = new Announcer(this.#live);
  #stick = pinned(this.#body);
  #stickThoughts = pinned(this.#thoughts);
  /** @type {{block: HTMLElement, prose: Prose}[]} one for each item */
  #shown = [];
  #figuresAt = -Infinity;
  #retries = 0;
  #over = false;
  root = h(
    "div",
    "tw-card",
    h("div", "tw-head", this.#word, this.#model, this.#tag, h("span", "tw-end", this.#badge, this.#stop)),
    this.#reasoning,
    this.#body,
    h("div", "tw-foot", this.#line, spark(this.#path)),
    this.#live,
  );

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
    this.root.tabIndex = -1;
    this.root.setAttribute("role", "group");
    this.#body.setAttribute("role", "region");
    this.#body.setAttribute("aria-label", "Answer");
    this.#live.setAttribute("aria-live", "polite");
    this.#mark.ariaHidden = "true";
    this.#stop.type = "button";
    for (const control of [this.#stop, this.#summary]) control.dataset.lmSuppressShortcuts = "true"; // Enter and Space are theirs
    this.#stop.addEventListener("click", () => session.stop());
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.draw();
  }

  /** Show what is new. Once a frame at most. */
  draw() {
    const { state } = this.#session;
    if (state.items.length < this.#shown.length) this.#clear();
    const added = state.items.map((item, i) => this.#show(item, i)).join("");
    this.tick();
    this.#stick();
    if (added && !this.#over) this.#announcer.add(added, performance.now());
    this.#announceRetry();
    this.#end();
  }

  /** Move the clocks. */
  tick() {
    this.#head();
    this.#remark();
    this.#think();
    const now = performance.now();
    if (now - this.#figuresAt < FIGURES_MS && !this.#session.over) return;
    this.#figuresAt = now;
    this.#foot();
  }

  /** Another stream took this one's place. */
  #clear() {
    this.#text.replaceChildren();
    this.#thoughts.replaceChildren();
    this.#shown = [];
    this.#retries = 0;
    this.#over = false;
  }

  #head() {
    const session = this.#session;
    const { state, route, stopping } = session;
    this.root.dataset.phase = phaseOf(session);
    this.root.toggleAttribute("data-retrying", state.retry !== null);
    this.root.ariaLabel = `Stream of ${session.model || "a model"}`;
    setText(this.#word, phaseWords(session));
    setText(this.#model, session.model);
    this.#model.title = state.served && state.served !== session.model ? `${session.model}, answered by ${state.served}` : session.model;
    setText(this.#tag, state.simulated ? "simulated" : state.replayed ? "replayed" : "");
    this.#badge.hidden = !route;
    if (route) {
      this.#badge.dataset.transport = route.transport;
      setText(this.#mark, MARKS[route.transport]);
      setText(this.#lane, session.status === "reattaching" ? "reattaching…" : LABELS[route.transport]);
      setText(this.#instead, route.tried.length ? route.why : "");
      this.#badge.title = routeWords(route) + (session.reason ? `\n${session.reason}` : "");
    }
    if (session.over && this.#stop === document.activeElement) this.root.focus();
    this.#stop.hidden = session.over;
    this.#stop.disabled = stopping;
    setText(this.#stop, stopping ? "Stopping…" : "Stop");
  }

  #think() {
    const { state } = this.#session;
    const words = reasoningWords(state, this.#session.now());
    setText(this.#summary, words);
    this.#reasoning.hidden = words === "";
    if (words) this.#stickThoughts();
  }

  #foot() {
    const { state } = this.#session;
    setText(this.#line, figureWords(this.#session));
    this.#line.title = this.#line.textContent ?? "";
    this.#path.setAttribute("d", sparkPath(state));
    this.#body.tabIndex = this.#body.scrollHeight > this.#body.clientHeight ? 0 : -1; // to scroll it by keys
  }

  /**
   * @param {Item} item
   * @param {number} index
   * @returns {string} what was added to the answer
   */
  #show(item, index) {
    const { block, prose } = (this.#shown[index] ??= this.#place(item));
    const added = prose.show(item.chunks);
    if (item.invalid && !block.dataset.invalid) invalid(block);
    return item.kind === "text" ? added : "";
  }

  /** @param {Item} item */
  #place(item) {
    const text = h("div", "tw-prose");
    const block = h("div", `tw-item tw-${item.kind}`, ...labels(item), text);
    if (item.kind === "reasoning") this.#placeThoughts(block);
    else this.#text.append(block);
    return { block, prose: new Prose(text) };
  }

  /** Reasoning stands above the answer, but does not push down an answer that is being read. @param {HTMLElement} block */
  #placeThoughts(block) {
    if (!this.#thoughts.hasChildNodes() && this.#text.hasChildNodes()) this.#body.after(this.#reasoning);
    this.#thoughts.append(block);
  }

  #remark() {
    const words = remark(this.#session);
    setText(this.#note, words);
    this.#note.hidden = words === "";
  }

  /** Once each, and not with every second of the wait. */
  #announceRetry() {
    const { retry, retries } = this.#session.state;
    if (!retry || retries === this.#retries) return;
    this.#retries = retries;
    this.#announcer.say(remark(this.#session));
  }

  #end() {
    if (this.#over || !this.#session.over) return;
    this.#over = true;
    this.#announcer.end(remark(this.#session) || phaseWords(this.#session));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || this.#session.over) return;
    event.preventDefault();
    event.stopPropagation();
    this.#session.stop();
  }
}

/** @param {Item} item */
function labels({ kind, choice, name }) {
  const words = [choice ? `Choice ${choice + 1}` : "", { refusal: "Refusal", tool: "Tool call", transcript: `Spoken, ${name}` }[/** @type {string} */ (kind)] ?? ""];
  const made = words.filter(Boolean).map((word) => h("span", "tw-label", word));
  return kind === "tool" ? [...made, h("code", "tw-name", name || "tool")] : made;
}

/** @param {HTMLElement} call */
function invalid(call) {
  call.dataset.invalid = "true";
  call.append(h("span", "tw-label", "These arguments are not valid JSON."));
}

/** @param {SVGElement} path */
function spark(path) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { class: "tw-spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": "Chunks over time" };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, String(value));
  path.setAttribute("stroke", "currentColor");
  svg.append(path);
  return svg;
}
