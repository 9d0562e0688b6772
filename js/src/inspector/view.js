// An inspector as it is seen: legs and filter on top, the list, the selected frame, and the text with its characters marked.

import { h, setText } from "../lib/dom.js";
import { grouped } from "../lib/figures.js";
import { TokenText } from "../lib/tokentext.js";
import { MARKS } from "../lib/transport.js";
import { pageTap } from "../lib/wiretap.js";
import { curl } from "./curl.js";
import { Detail } from "./detail.js";
import { WAYS } from "./explanations.js";
import { List, size } from "./list.js";
import { peerCard } from "./peer.js";

/** @import { Inspector } from "./inspector.js" */
/** @import { TransportName } from "../lib/transport.js" */
/** @import { Leg, Row } from "./leg.js" */

const LEGS = /** @type {const} */ ([
  ["provider", "Provider to us"],
  ["page", "Us to this page"],
]);
const SAID_MS = 2000;

export class View {
  #inspector;
  #model = h("span", "tw-model");
  #tag = h("span", "tw-tag");
  #legs = LEGS.map(([leg, words]) => button(words, () => (this.#inspector.leg = leg)));
  #filter = h("input", "tw-filter");
  #wrong = h("span", "tw-wrong");
  #count = h("span", "tw-count");
  #list = new List((frame) => this.#inspector.select(frame));
  #detail = new Detail();
  #ways = h("div", "");
  #peer = h("div", "");
  #empty = h("div", "tw-empty");
  #text = new TokenText(() => 0, (chunk) => this.#inspector.selectChunk(chunk));
  #curl = button("Copy as curl", () => this.#copy(this.#command, this.#curl));
  #one = button("Copy frame", () => this.#copy(this.#row?.text ?? "", this.#one));
  #all = button("Copy all", () => this.#copy(this.#rows.map(({ text }) => text).join("\n"), this.#all));
  #placed = 0;
  /** @type {Row[]} */
  #rows = [];
  /** @type {Row | null} */
  #row = null;
  /** @type {Row[]} */
  #known = [];
  #command = "";
  /** @type {RTCPeerConnection | null} */
  #described = null;
  /** @type {number[]} */
  #marked = [];
  root = h(
    "div",
    "tw-card tw-inspector",
    h("div", "tw-head", h("span", "tw-title", "Wire"), this.#model, this.#tag, h("div", "tw-legs", ...this.#legs)),
    h("div", "tw-bar", this.#filter, this.#wrong, this.#count, h("span", "tw-actions", this.#curl, this.#one, this.#all)),
    this.#ways,
    this.#peer,
    h("div", "tw-panes", h("div", "tw-left", this.#list.root, this.#empty), this.#detail.root),
    this.#text.root,
  );

  /** @param {Inspector} inspector */
  constructor(inspector) {
    this.#inspector = inspector;
    this.root.setAttribute("role", "group");
    this.root.dataset.lmSuppressShortcuts = "true";
    this.#filter.type = "search";
    this.#filter.placeholder = "Filter: text, kind:usage, dir:out, >1k";
    this.#filter.ariaLabel = "Filter";
    this.#filter.spellcheck = false;
    this.#filter.addEventListener("input", () => (inspector.filter = this.#filter.value));
    this.#wrong.setAttribute("role", "status");
    this.#text.root.tabIndex = 0;
    this.#text.root.setAttribute("role", "group");
    this.#text.root.ariaLabel = "The text, with what the selected frame brought";
  }

  /** Show how things are. */
  draw() {
    const inspector = this.#inspector;
    const { session, leg } = inspector;
    const current = inspector.current;
    const { rows, error } = inspector.filtered(current.rows);
    this.root.ariaLabel = `Wire of ${session.model || "a stream"}`;
    setText(this.#model, session.model);
    setText(this.#tag, session.state.simulated ? "simulated" : session.state.replayed ? "replayed" : "");
    LEGS.forEach(([name], i) => (this.#legs[i].ariaPressed = String(name === leg)));
    if (this.#filter.value !== inspector.filter) this.#filter.value = inspector.filter;
    setText(this.#wrong, error);
    setText(this.#count, countWords(rows, current));
    this.#known = current.rows;
    this.#rows = rows;
    this.#row = current.rows[inspector.frame] ?? null;
    this.#list.show(rows, inspector.chunks.all, inspector.frame);
    this.#detail.show(this.#row, this.#row?.transport ? "tokenwidgets" : inspector.dialect);
    this.#buttons();
    this.#explain();
    this.#write();
  }

  #buttons() {
    const inspector = this.#inspector;
    const request = inspector.leg === "provider" ? this.#known.find(({ dir }) => dir === "out") : undefined;
    this.#command = request ? curl(request.text, inspector.dialect, inspector.keyName) : "";
    this.#curl.hidden = inspector.leg === "page";
    this.#curl.disabled = this.#command === "";
    this.#curl.title = this.#command ? "The provider's call; the key is a variable's name" : "No other program can make this call: nothing was sent over HTTP";
    this.#one.disabled = this.#row === null;
    this.#all.disabled = this.#rows.length === 0;
  }

  /** What holds for the whole leg. */
  #explain() {
    const inspector = this.#inspector;
    const page = inspector.leg === "page";
    const ways = [...new Set(this.#known.map(({ transport }) => transport))].filter((way) => way !== "");
    if (ways.length !== this.#ways.childElementCount) this.#ways.replaceChildren(...ways.map(wayLine));
    this.#empty.hidden = this.#rows.length > 0;
    setText(this.#empty, this.#known.length ? "No frame passes the filter." : page ? PAGE_EMPTY : inspector.unknown || (inspector.session.over ? PROVIDER_EMPTY : "Waiting for the first frame."));
    this.#peer.hidden = !ways.some((way) => way.startsWith("webrtc"));
    if (!this.#peer.hidden) this.#describe(pageTap().peer);
  }

  /** @param {RTCPeerConnection | null} peer */
  async #describe(peer) {
    if (!peer || peer === this.#described) return;
    this.#described = peer;
    this.#peer.replaceChildren(await peerCard(peer));
  }

  #write() {
    const { all } = this.#inspector.chunks;
    this.#text.add(all.slice(this.#placed));
    this.#placed = all.length;
    const brought = this.#row?.brought ?? [];
    if (brought.join() === this.#marked.join()) return;
    for (const chunk of this.#marked) this.#text.spans[chunk]?.classList.remove("tw-marked");
    for (const chunk of brought) this.#text.spans[chunk]?.classList.add("tw-marked");
    this.#marked = brought;
    if (brought.length) this.#text.reveal(brought[0]);
  }

  /** @param {string} text @param {HTMLButtonElement} from */
  async #copy(text, from) {
    const words = from.textContent ?? "";
    const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    setText(from, done || copied(text) ? "Copied" : "Copying is not allowed here");
    setTimeout(() => setText(from, words), SAID_MS);
  }
}

/** @param {TransportName} way */
function wayLine(way) {
  const badge = h("span", "tw-badge", h("span", "tw-mark", MARKS[way]));
  badge.dataset.transport = way;
  return h("div", "tw-way", badge, h("span", "", WAYS[way]));
}

const PAGE_EMPTY = "This page has received nothing of this stream: it was over before the page looked, or this is a file.";
const PROVIDER_EMPTY = "No frame was kept of this stream.";

/** @param {Row[]} rows @param {Leg} leg */
function countWords(rows, { rows: all, dropped }) {
  const bytes = size(rows.reduce((sum, row) => sum + row.size, 0));
  const count = rows.length === all.length ? `${grouped(all.length)} frames` : `${grouped(rows.length)} of ${grouped(all.length)} frames`;
  return `${count}, ${bytes}${dropped ? `; ${grouped(dropped)} later ones were not kept` : ""}`;
}

/** The old way, for pages that are no secure context. @param {string} text */
function copied(text) {
  const area = h("textarea", "tw-live");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** @param {string} words @param {() => void} act */
function button(words, act) {
  const made = h("button", "tw-button", words);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}
