// The chart of one stream or of several: usable with a widget or without one. It only ever draws what the sessions hold.

import { h, setText } from "../lib/dom.js";
import { LABELS, MARKS } from "../lib/transport.js";
import { button } from "./button.js";
import { draw } from "./draw.js";
import { legSpans, measureLegs } from "./legs.js";
import { csv, png, selfContained } from "./save.js";
import { savers } from "./savers.js";
import { scene } from "./scene.js";
import { tables } from "./table.js";
import { Track } from "./track.js";
import { chunkWords } from "./words.js";

/** @import { Session } from "../lib/session.js" */
/** @import { Legs } from "./legs.js" */
/** @import { FileKind } from "./savers.js" */
/** @import { ScaleName } from "./scale.js" */
/** @import { Point, Scene, View } from "./scene.js" */

/**
 * @typedef {object} ChartOptions
 * @property {ScaleName} [scale]
 * @property {(run: number, seq: number) => void} [onSelect] seq of the selected chunk, -1 for none
 * @property {(scale: ScaleName) => void} [onScale]
 */

const SVG = "http://www.w3.org/2000/svg";
const FIGURES_MS = 250; // figures that change faster cannot be read
const STALE = 1.05; // figures of so many more chunks are worth the measuring
const WIDTH = 760; // until the page says how wide it is
/** Of runs that no transport tells apart: none of the transports' colours, and not red. */
const HUES = ["--tw-l-hue-1", "--tw-l-hue-2", "--tw-l-hue-3", "--tw-l-hue-4", "--tw-l-hue-5", "--tw-l-hue-6"];
const DASHES = ["none", "7 3", "2 2", "9 3 2 3", "4 2", "12 4"];
const KEYS = "← → chunk by chunk · Home, End the first, the last · Enter selects · Esc selects none · ↑ ↓ another run · L linear or log · ? these keys";
const HINT = "Point at a chunk, or come here by Tab and use the arrow keys; ? shows them.";

/**
 * @typedef {object} Run
 * @property {Session} session
 * @property {Track} track
 * @property {boolean} hidden
 * @property {Legs} legs
 * @property {number} measured chunks of which the legs are
 * @property {string} known what of the end they are of
 * @property {HTMLButtonElement} toggle
 * @property {HTMLElement} name
 * @property {HTMLElement} tag
 * @property {HTMLElement} badge
 * @property {HTMLElement} mark
 * @property {HTMLElement} lane
 */

/** Ids are the page's, and each chart has a pattern of its own. */
let charts = 0;

export class LatencyChart {
  /** @type {ScaleName} */
  #scale;
  #sessions;
  #options;
  /** @type {Run[]} */
  #runs = [];
  /** @type {View[]} */
  #views = [];
  /** Index among the runs, and seq. @type {{run: number, seq: number}} */
  #selected = { run: 0, seq: -1 };
  /** @type {Point | null} index among the views */
  #hovered = null;
  /** @type {Scene | null} */
  #scene = null;
  #width = WIDTH;
  #hatch = `tw-l-hatch-${charts++}`;
  /** Runs whose legs may still be measured in this frame: it takes its time. */
  #measurable = 0;
  #figuresAt = -Infinity;
  #settled = false;
  #legend = h("div", "tw-l-legend");
  #svg = document.createElementNS(SVG, "svg");
  #readout = h("div", "tw-l-readout");
  #excerpt = h("span", "tw-l-excerpt");
  #words = h("span", "");
  #keys = h("div", "tw-l-keys", KEYS);
  #tables = h("div", "tw-l-figures");
  #linear = button("Linear", () => this.#choose("linear"));
  #log = button("Log", () => this.#choose("log"));
  root = h("div", "tw-card tw-latency");

  /**
   * @param {Session[]} sessions which may grow
   * @param {ChartOptions} [options]
   */
  constructor(sessions, options = {}) {
    this.#sessions = sessions;
    this.#options = options;
    this.#scale = options.scale ?? "linear";
    this.#build();
    new ResizeObserver(([{ contentRect }]) => this.#resize(contentRect.width)).observe(this.#readout);
    this.draw();
  }

  #build() {
    const help = button("?", () => this.#help());
    help.title = "Keys";
    const scales = h("div", "tw-l-scales", this.#linear, this.#log);
    scales.setAttribute("role", "group");
    scales.ariaLabel = "Time axis";
    this.#keys.hidden = true;
    this.#readout.append(this.#words, this.#excerpt);
    this.#plot();
    this.root.setAttribute("role", "group");
    this.root.ariaLabel = "Latency chart";
    this.root.append(
      h("div", "tw-l-head", this.#legend, scales, help),
      this.#svg,
      this.#readout,
      this.#keys,
      this.#tables,
      savers((kind) => this.#file(kind)),
    );
  }

  /** The picture is a slider over its chunks: that is what a screen reader makes of it. */
  #plot() {
    const svg = this.#svg;
    svg.setAttribute("class", "tw-l-plot");
    svg.setAttribute("role", "slider");
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("aria-label", "Chunks");
    svg.dataset.lmSuppressShortcuts = "true"; // the arrow keys are its own
    svg.addEventListener("pointermove", (event) => this.#hover(this.#pointAt(event)));
    svg.addEventListener("pointerleave", () => this.#hover(this.#selection()));
    svg.addEventListener("click", (event) => this.#select(this.#pointAt(event)));
    svg.addEventListener("keydown", (event) => this.#key(event));
  }

  get scale() {
    return this.#scale;
  }

  set scale(scale) {
    this.#scale = scale;
    this.draw();
  }

  /** The legs of each run, as they are known now. */
  get legs() {
    return this.#runs.map(({ legs }) => legs);
  }

  /** Show a chunk as selected. @param {number} run @param {number} seq -1 for none */
  select(run, seq) {
    this.#selected = { run, seq };
    this.#hovered = this.#selection();
    this.draw();
  }

  /** Show what is new. Once a frame at most. */
  draw() {
    for (let i = this.#runs.length; i < this.#sessions.length; i++) this.#runs.push(this.#open(this.#sessions[i]));
    this.#measurable = 1;
    for (const run of this.#runs) this.#take(run);
    this.#views = this.#viewed();
    this.#scene = scene(this.#views, { width: this.#width, scale: this.#scale, selected: this.#selection(), hovered: this.#hovered, hatch: this.#hatch });
    this.#svg.setAttribute("viewBox", `0 0 ${this.#width} ${this.#scene.height}`);
    this.#svg.style.height = `${this.#scene.height}px`; // of its own width's scale: nothing is stretched
    draw(this.#svg, this.#scene.shapes);
    this.#read();
    this.#controls();
    this.#figures();
  }

  /** @param {Session} session @returns {Run} */
  #open(session) {
    const toggle = button("", () => this.#toggle(run));
    const [name, tag, mark, lane] = [h("span", "tw-l-label"), h("span", "tw-tag"), h("span", "tw-mark"), h("span", "")];
    const badge = h("span", "tw-badge", mark, lane);
    toggle.className = "tw-l-run";
    toggle.append(name, tag, badge);
    this.#legend.append(toggle);
    /** @type {Run} */
    const run = { session, track: new Track(), hidden: false, legs: measureLegs(session, []), measured: 0, known: "", toggle, name, tag, badge, mark, lane };
    return run;
  }

  /** @param {Run} run */
  #take(run) {
    const { session } = run;
    if (session.events.length < run.track.taken) Object.assign(run, { track: new Track(), measured: 0 });
    run.track.take(session.events);
    session.align();
    const chunks = run.track.ats.length;
    const known = session.over ? `${session.painted.at(-1)} ${session.clock.uncertainty}` : "";
    if (known === run.known && (chunks <= run.measured * STALE || this.#measurable-- <= 0)) return;
    Object.assign(run, { legs: measureLegs(session, run.track.seqs), measured: chunks, known });
  }

  /** @returns {View[]} those to be seen */
  #viewed() {
    const shown = this.#shown();
    const names = shown.map(({ session }) => session.route?.transport);
    const told = shown.length > 1 && names.every(Boolean) && new Set(names).size === names.length;
    return shown.map((run) => {
      const { session, track, legs } = run;
      const over = session.over;
      const transport = session.route?.transport;
      const index = this.#runs.indexOf(run);
      const hue = HUES[index % HUES.length];
      const dash = DASHES[index % DASHES.length];
      const colour = told ? `var(--tw-${transport})` : this.#runs.length > 1 ? `var(${hue})` : "var(--tw-ink-2)";
      const spans = track.breakdown.spans(over ? 0 : session.now());
      const whole = over ? [...spans, ...legSpans(legs, spans.at(-1)?.end ?? 0)] : spans;
      const notes = { ...track.breakdown.notes, link: uncertain(legs) };
      return { track, legs, over, colour, dash, notes, spans: whole, label: this.#name(run) };
    });
  }

  #shown() {
    return this.#runs.filter(({ hidden }) => !hidden);
  }

  /** @param {Run} run */
  #name({ session }) {
    return session.label || `run ${this.#sessions.indexOf(session) + 1}`;
  }

  #controls() {
    for (const run of this.#runs) this.#legendOf(run);
    this.#linear.ariaPressed = String(this.#scale === "linear");
    this.#log.ariaPressed = String(this.#scale === "log");
  }

  /** @param {Run} run */
  #legendOf(run) {
    const { session, toggle, hidden } = run;
    const { route } = session;
    const view = this.#views[this.#shown().indexOf(run)];
    setText(run.name, this.#name(run));
    setText(run.tag, session.state.simulated ? "simulated" : session.state.replayed ? "replayed" : "");
    run.badge.hidden = !route;
    if (route) {
      run.badge.dataset.transport = route.transport;
      setText(run.mark, MARKS[route.transport]);
      setText(run.lane, LABELS[route.transport] === this.#name(run) ? "" : LABELS[route.transport]);
    }
    toggle.title = hidden ? "Show it" : this.#runs.length > 1 ? "Hide it" : "";
    toggle.disabled = this.#runs.length === 1;
    toggle.ariaPressed = String(!hidden);
    toggle.style.setProperty("--tw-run", view?.colour ?? "transparent");
  }

  /** The tables, at a pace that can be read. */
  #figures() {
    const now = performance.now();
    const settled = this.#views.every(({ over }) => over);
    if (!settled && now - this.#figuresAt < FIGURES_MS) return;
    if (settled && this.#settled && this.#hovered !== this.#selection() && now - this.#figuresAt < FIGURES_MS) return;
    this.#settled = settled;
    this.#figuresAt = now;
    this.#tables.replaceChildren(tables(this.#views));
  }

  /** @param {Run} run */
  #toggle(run) {
    run.hidden = !run.hidden;
    if (this.#shown().length === 0) for (const other of this.#runs) other.hidden = other === run;
    this.#hovered = null;
    this.#figuresAt = -Infinity;
    this.draw();
  }

  /** @param {ScaleName} scale */
  #choose(scale) {
    this.scale = scale;
    this.#options.onScale?.(scale);
  }

  /** @param {number} width */
  #resize(width) {
    if (Math.abs(width - this.#width) < 1 || width === 0) return;
    this.#width = Math.round(width);
    this.draw();
  }

  #help() {
    this.#keys.hidden = !this.#keys.hidden;
  }

  /** The selected chunk as a place in the picture. @returns {Point | null} */
  #selection() {
    const { run, seq } = this.#selected;
    const shown = this.#shown().indexOf(this.#runs[run]);
    return seq < 0 || shown < 0 ? null : { run: shown, index: this.#runs[run].track.indexOf(seq) };
  }

  /** The chunk that is meant: of the row that is pointed at, the nearest. @param {MouseEvent} event @returns {Point | null} */
  #pointAt({ clientX, clientY }) {
    if (!this.#scene) return null;
    const box = this.#svg.getBoundingClientRect();
    const x = ((clientX - box.left) * this.#width) / (box.width || 1);
    const y = clientY - box.top;
    const { lanes, time } = this.#scene;
    const lane = lanes.findLast(({ top }) => y >= top - 4) ?? lanes[0];
    const index = lane ? (this.#views[lane.run].track.nearest(time.at(x))) : -1;
    return index < 0 ? null : { run: lane.run, index };
  }

  /** @param {Point | null} point */
  #hover(point) {
    if (point?.run === this.#hovered?.run && point?.index === this.#hovered?.index) return;
    this.#hovered = point;
    this.draw();
  }

  /** @param {Point | null} point */
  #select(point) {
    const run = point ? this.#runs.indexOf(this.#shown()[point.run]) : this.#selected.run;
    const seq = point ? this.#views[point.run].track.seqs[point.index] : -1;
    this.select(run, seq);
    this.#options.onSelect?.(run, seq);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const at = this.#hovered ?? this.#selection() ?? { run: 0, index: -1 };
    const last = (this.#views[at.run]?.track.ats.length ?? 0) - 1;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowRight: () => this.#step(at.run, Math.min(at.index + 1, last)),
      ArrowLeft: () => this.#step(at.run, Math.max(at.index - 1, 0)),
      Home: () => this.#step(at.run, 0),
      End: () => this.#step(at.run, last),
      ArrowUp: () => this.#cross(at, -1),
      ArrowDown: () => this.#cross(at, 1),
      Enter: () => this.#select(this.#hovered),
      Escape: () => this.#select(null),
      l: () => this.#choose(this.#scale === "log" ? "linear" : "log"),
      "?": () => this.#help(),
    };
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** @param {number} run @param {number} index */
  #step(run, index) {
    if (index >= 0) this.#hover({ run, index });
  }

  /** To the chunk of another run at about the same time. @param {Point} from @param {number} by */
  #cross(from, by) {
    const run = Math.min(Math.max(from.run + by, 0), this.#views.length - 1);
    const at = this.#views[from.run]?.track.ats[from.index] ?? 0;
    this.#step(run, this.#views[run]?.track.nearest(at) ?? -1);
  }

  /** What is pointed at, in words. */
  #read() {
    const point = this.#hovered ?? this.#selection();
    const view = point && this.#views[point.run];
    const track = view?.track;
    const known = point && track && point.index >= 0 && point.index < track.ats.length;
    const chunk = known ? track.chunk(point.index) : null;
    const session = known ? this.#shown()[point.run].session : null;
    const said = chunk ? chunkWords(chunk, /** @type {Track} */ (track).ats.length, session?.events[chunk.seq]?.delta ?? "") : null;
    const name = said && this.#views.length > 1 ? `${view?.label} · ` : "";
    setText(this.#words, said ? name + said.words : HINT);
    setText(this.#excerpt, said?.excerpt ?? "");
    this.#readout.toggleAttribute("data-empty", !said);
    const last = track?.ats.length ?? this.#views[0]?.track.ats.length ?? 0;
    const values = { valuemin: 1, valuemax: Math.max(1, last), valuenow: chunk?.number ?? 1, valuetext: said ? `${name}${said.words} ${said.excerpt}` : "no chunk" };
    for (const [key, value] of Object.entries(values)) this.#svg.setAttribute(`aria-${key}`, String(value));
  }

  /** @param {FileKind} kind */
  async #file(kind) {
    if (kind === "PNG") return png(this.#svg);
    if (kind === "SVG") return new Blob([selfContained(this.#svg)], { type: "image/svg+xml" });
    return new Blob([csv(this.#views)], { type: "text/csv" });
  }
}

/** @param {Legs} legs */
const uncertain = ({ uncertainty }) => (uncertainty === null ? "" : `± ${Math.round(uncertainty / 10) / 100} ms: half the quickest round trip between the clocks`);
