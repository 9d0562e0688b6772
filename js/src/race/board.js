// The race as it is seen: one clock, a lane a row, the verdict under them.

import { Announcer } from "../lib/announce.js";
import { focused, h, setText } from "../lib/dom.js";
import { clock } from "../lib/figures.js";
import { Prose } from "../lib/prose.js";
import { axisEnd, axisMarks } from "./axis.js";
import { lanesOf } from "./lane.js";
import { delays, leader } from "./lead.js";
import { Row } from "./row.js";
import { fairness, title } from "./words.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Runs } from "../lib/runs.js" */
/** @import { Lane } from "./lane.js" */

const FIGURES_MS = 250; // figures that change faster cannot be read

export class Board {
  #model;
  #runs;
  #what = h("span", "tw-race-what");
  #tag = h("span", "tw-tag");
  #clock = h("span", "tw-race-clock");
  #stopAll = h("button", "tw-button", "Stop all");
  #axis = h("div", "tw-race-axis");
  #list = h("div", "tw-race-rows");
  #full = h("div", "tw-race-full");
  #caption = h("div", "tw-race-caption");
  #verdict = h("p", "tw-race-verdict");
  #fairness = h("p", "tw-race-fairness");
  #live = h("div", "tw-live");
  #announcer = new Announcer(this.#live);
  /** @type {Row[]} */
  #rows = [];
  /** The lane whose whole text is shown. @type {{lane: number, texts: Prose[]} | null} */
  #opened = null;
  #marked = 0;
  #comparedAt = -Infinity;
  /** @type {{behind: ReturnType<typeof delays>, first: ReturnType<typeof leader>}} */
  #compared = { behind: [], first: null };
  #said = "";
  root = h(
    "div",
    "tw-card tw-race",
    h("div", "tw-race-head", h("span", "tw-race-title", "Race"), this.#what, this.#tag, h("span", "tw-race-right", this.#clock, this.#stopAll)),
    this.#axis,
    this.#list,
    this.#full,
    h("div", "tw-race-foot", this.#verdict, this.#fairness),
    this.#live,
  );

  /** @param {AnyModel<any>} model @param {Runs} runs */
  constructor(model, runs) {
    this.#model = model;
    this.#runs = runs;
    this.root.tabIndex = -1;
    this.root.setAttribute("role", "group");
    this.root.ariaLabel = "Race";
    this.#list.setAttribute("role", "list");
    this.#axis.ariaHidden = "true";
    this.#full.setAttribute("role", "group");
    this.#full.hidden = true;
    this.#live.setAttribute("aria-live", "polite");
    this.#stopAll.type = "button";
    this.#stopAll.dataset.lmSuppressShortcuts = "true";
    this.#stopAll.addEventListener("click", () => this.#stop());
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.draw();
  }

  /** Show what is new. */
  draw() {
    const lanes = this.#lanes();
    while (this.#rows.length < lanes.length) this.#addRow();
    this.#head(lanes);
    this.#compare(lanes);
    const end = axisEnd(Math.max(1_000_000, ...lanes.map((lane) => lane.end ?? lane.instants.at(-1) ?? 0)));
    this.#mark(end);
    const { behind, first } = this.#compared;
    const several = lanes.some(({ stream }) => stream !== lanes[0].stream);
    lanes.forEach((lane, i) => this.#rows[i].draw(lane, end, behind[i], first?.lane === i ? first.lead : 0, several));
    this.#showText(lanes);
    this.#foot(lanes);
  }

  get over() {
    return this.#runs.sessions.length > 0 && this.#runs.sessions.every(({ over }) => over);
  }

  #lanes() {
    return lanesOf(this.#model, this.#runs);
  }

  #addRow() {
    const index = this.#rows.length;
    const row = new Row();
    row.name.addEventListener("click", () => this.#open(index));
    row.stop.addEventListener("click", () => this.#end(this.#lanes()[index]));
    this.#rows.push(row);
    this.#list.append(row.root);
  }

  /** @param {Lane[]} lanes */
  #head(lanes) {
    setText(this.#what, lanes.length ? title(lanes) : "starting");
    const told = lanes.map(({ session }) => (session.state.simulated ? "simulated" : session.state.replayed ? "replayed" : ""));
    setText(this.#tag, [...new Set(told)].filter(Boolean).join(", "));
    const { over } = this;
    this.root.dataset.over = String(over);
    const times = lanes.map((lane) => (over ? (lane.end ?? 0) : lane.session.now()));
    setText(this.#clock, clock(Math.max(0, ...times)));
    if (over && this.#stopAll === focused(this.root)) this.root.focus();
    this.#stopAll.hidden = over;
  }

  /** @param {Lane[]} lanes */
  #compare(lanes) {
    const now = performance.now();
    if (now - this.#comparedAt < FIGURES_MS && !this.over) return;
    this.#comparedAt = now;
    const readings = lanes.map((lane) => lane.reading);
    this.#compared = { behind: delays(readings), first: lanes.length ? leader(readings) : null };
  }

  /** @param {number} end */
  #mark(end) {
    if (this.#marked === end) return;
    this.#marked = end;
    this.#axis.replaceChildren(
      ...axisMarks(end).map(([at, words]) => {
        const mark = h("span", "tw-race-mark", words);
        mark.style.left = `${(at / end) * 100}%`;
        mark.toggleAttribute("data-end", at === end);
        return mark;
      }),
    );
  }

  /** @param {Lane[]} lanes */
  #foot(lanes) {
    const verdict = this.#model.get("verdict") || "";
    setText(this.#verdict, verdict);
    this.#verdict.hidden = verdict === "";
    setText(this.#fairness, lanes.length ? fairness(lanes, this.#model.get("rows"), this.#model.get("seed")) : "");
    if (verdict && verdict !== this.#said) this.#announcer.say(verdict);
    this.#said = verdict;
  }

  /** Show the whole text of a lane, or no more. @param {number} index */
  #open(index) {
    const closes = this.#opened?.lane === index;
    this.#opened = closes ? null : { lane: index, texts: [] };
    this.#rows.forEach(({ name }, i) => (name.ariaExpanded = String(!closes && i === index)));
    this.#full.replaceChildren(this.#caption);
    this.#full.hidden = closes;
    this.draw();
  }

  /** @param {Lane[]} lanes */
  #showText(lanes) {
    const lane = this.#opened && lanes[this.#opened.lane];
    if (!this.#opened || !lane) return;
    this.#full.ariaLabel = `Text of ${lane.label}`;
    setText(this.#caption, lane.label);
    const items = lane.session.state.items;
    for (const [i, item] of items.entries()) (this.#opened.texts[i] ??= this.#place(item.kind)).show(item.chunks);
  }

  /** @param {string} kind */
  #place(kind) {
    const text = h("div", `tw-race-text tw-race-${kind}`);
    this.#full.append(text);
    return new Prose(text);
  }

  /** Of a stream that others read too this reader leaves; else the stream is stopped. @param {Lane} lane */
  #end(lane) {
    if (lane.shared) lane.session.leave();
    else lane.session.stop();
  }

  #stop() {
    for (const session of this.#runs.sessions) session.stop();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = this.#rows.findIndex(({ name }) => name === focused(this.root));
    if (step && at >= 0) this.#rows[at + step]?.name.focus();
    else if (event.key === "Escape" && !this.over) this.#stop();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
