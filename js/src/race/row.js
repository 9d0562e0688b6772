// One lane as it is seen.

import { h, setText } from "../lib/dom.js";
import { duration } from "../lib/figures.js";
import { HEIGHT, WIDTH, ticksPath } from "./axis.js";
import { details, lastLine, standing, state, times, tone } from "./words.js";

/** @import { Lane } from "./lane.js" */
/** @import { Delay } from "./lead.js" */

const SVG = "http://www.w3.org/2000/svg";

export class Row {
  #mark = h("span", "tw-mark");
  #label = h("span", "tw-race-label");
  #state = h("span", "tw-race-state");
  #ticks = path("tw-race-ticks");
  #first = path("tw-race-first");
  #end = path("tw-race-end");
  #svg = picture(this.#ticks, this.#first, this.#end);
  #tail = h("span", "");
  #times = h("span", "tw-race-times");
  #standing = h("span", "tw-race-standing");
  stop = h("button", "tw-button", "Stop");
  /** Opens and closes the full text. */
  name = h("button", "tw-race-name", this.#mark, this.#label);
  root = h(
    "div",
    "tw-race-row",
    h("div", "tw-race-who", this.name, this.#state),
    h("div", "tw-race-track", this.#svg, h("div", "tw-race-tail", this.#tail)),
    h("div", "tw-race-figures", this.#times, this.#standing),
    h("div", "tw-race-act", this.stop),
  );

  constructor() {
    this.root.setAttribute("role", "listitem");
    this.#mark.ariaHidden = "true";
    this.name.ariaExpanded = "false";
    for (const button of [this.name, this.stop]) {
      button.type = "button";
      button.dataset.lmSuppressShortcuts = "true"; // Enter, Space and arrows are theirs
    }
  }

  /**
   * @param {Lane} lane
   * @param {number} end of the axis, µs
   * @param {Delay | null} delay
   * @param {number} lead µs, 0 where it does not lead
   * @param {boolean} several whether there are several streams
   */
  draw(lane, end, delay, lead, several) {
    const { session, label, shared } = lane;
    const { instants } = lane;
    this.root.toggleAttribute("data-leads", lead > 0);
    this.root.dataset.tone = tone(lane);
    this.root.dataset.hue = lane.transport ?? lane.letter;
    setText(this.#mark, lane.mark);
    setText(this.#label, label);
    this.name.title = label;
    setText(this.#tail, lane.failure || session.state.terminal?.message || lastLine(lane));
    setText(this.#times, times(lane, instants));
    setText(this.#standing, standing(lane, delay, lead, several));
    this.root.title = details(lane, delay);
    this.#svg.setAttribute("aria-label", instants.length ? `${label}: ${instants.length} chunks, first after ${duration(instants[0])}` : `${label}: nothing yet`);
    this.#ticks.setAttribute("d", ticksPath(instants, session.state.sizes, end));
    this.#first.setAttribute("d", bar(instants[0], end));
    this.#end.setAttribute("d", bar(lane.end, end));
    setText(this.stop, shared ? "Leave" : session.stopping ? "Stopping…" : "Stop");
    this.stop.ariaLabel = `${shared ? "Leave" : "Stop"} ${label}`;
    this.stop.hidden = session.over;
    this.stop.disabled = session.stopping;
    setText(this.#state, state(lane));
  }
}

/** @param {number | null | undefined} at µs @param {number} end */
function bar(at, end) {
  if (at === undefined || at === null) return "";
  return `M${Math.min(WIDTH - 1, Math.max(0, Math.floor((at * WIDTH) / end)))}.5 ${HEIGHT}V0`;
}

/** @param {string} name */
function path(name) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", name);
  made.setAttribute("vector-effect", "non-scaling-stroke");
  return made;
}

/** @param {...SVGElement} shapes */
function picture(...shapes) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" })) svg.setAttribute(name, value);
  svg.append(...shapes);
  return svg;
}
