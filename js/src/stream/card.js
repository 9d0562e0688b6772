// The card that shows a stream. It only ever draws what the session holds.

import { Announcer } from "../lib/announce.js";
import { copy } from "../lib/copy.js";
import { focused, h, setText } from "../lib/dom.js";
import { Spark } from "../lib/spark.js";
import { Refused, reasonOf } from "../lib/transport.js";
import { Badge } from "./badge.js";
import { Content } from "./content.js";
import { Kernel } from "./kernel.js";
import { Panel } from "./panel.js";
import { download, fileName, recording } from "./recording.js";
import { Verbs } from "./verbs.js";
import { figureHelp, figureWords, modelWords, phaseOf, phaseWords, remark, verdictOf } from "./words.js";

/** @import { Ask } from "../lib/ask.js" */
/** @import { Load } from "../lib/assets.js" */
/** @import { StreamState } from "../lib/state.js" */
/** @import { Session } from "../lib/session.js" */
/** @import { Format } from "./content.js" */
/** @import { VerbName } from "./verbs.js" */

const FIGURES_MS = 250; // figures that change faster cannot be read

/**
 * What the card shows, and by what means.
 * @typedef {object} Source
 * @property {Session[]} sessions the answers, of which more may come
 * @property {() => number} [version] which of them is shown
 * @property {(index: number) => void} [show] another one
 * @property {() => number[]} [continues] of each the one it goes on from, -1 for none
 * @property {Format} [format]
 * @property {Ask} [ask] without it there is no kernel to do anything
 * @property {Load} [load]
 */

const nobody = () => Promise.reject(new Refused("not_found", "There is no kernel here."));
/** What holds where nothing else is said. @type {Required<Source>} */
const PLAIN = { sessions: [], version: () => 0, show: () => {}, continues: () => [], format: "markdown", ask: nobody, load: nobody };

export class Card {
  #source;
  #word = h("span", "tw-word");
  #model = h("span", "tw-model");
  #tag = h("span", "tw-tag");
  #badge = new Badge((name) => this.#session.switchTo(name));
  #verbs = new Verbs((name) => this.#carryOut(name), (by) => this.#step(by));
  #line = h("span", "tw-line");
  #spark = new Spark();
  #chart = h("button", "tw-spark-button");
  #live = h("div", "tw-live");
  #announcer = new Announcer(this.#live);
  #kernel;
  #panel;
  /** @type {Content} */
  #content;
  /** Whose content it is. @type {StreamState} */
  #state;
  #figuresAt = -Infinity;
  #retries = 0;
  #over = false;
  #asking = false;
  root = h("div", "tw-card tw-stream", h("div", "tw-head", this.#word, this.#model, this.#tag, this.#badge.root, this.#verbs.root));

  /** @param {Source} source */
  constructor(source) {
    this.#source = { ...PLAIN, ...source };
    this.#kernel = new Kernel(this.#source.ask, () => this.tick());
    this.#panel = new Panel(this.#source.load);
    this.#state = this.#session.state;
    this.#content = this.#opened();
    this.root.append(this.#content.root, h("div", "tw-foot", this.#line, this.#chart), this.#panel.root, this.#live);
    this.root.tabIndex = -1;
    this.root.setAttribute("role", "group");
    this.#live.setAttribute("aria-live", "polite");
    this.#chart.type = "button";
    this.#chart.append(this.#spark.root);
    this.#chart.dataset.lmSuppressShortcuts = "true";
    this.#chart.addEventListener("click", () => this.#toggleChart());
    this.root.addEventListener("keydown", (event) => this.#key(event));
    for (const near of ["pointerenter", "focusin"]) this.root.addEventListener(near, () => this.#over && this.#kernel.probe(this.#version));
    this.draw();
  }

  /** Which answer is shown; one that is only announced waits for its session. */
  get #version() {
    return Math.min(this.#source.version(), this.#source.sessions.length - 1);
  }

  get #session() {
    return this.#source.sessions[this.#version];
  }

  /** Show what is new. Once a frame at most. */
  draw() {
    if (this.#session.state !== this.#state) this.#begin();
    const added = this.#content.draw();
    this.tick();
    this.#panel.draw();
    if (added && !this.#over) this.#announcer.add(added, performance.now());
    this.#announceRetry();
    this.#end();
  }

  /** Move the clocks. */
  tick() {
    this.#head();
    this.#content.tick();
    const now = performance.now();
    if (now - this.#figuresAt < FIGURES_MS && !this.#session.over) return;
    this.#figuresAt = now;
    this.#foot();
  }

  /** Whether no clock moves. */
  get still() {
    return this.#session.over;
  }

  /** The card was put elsewhere in the page. */
  moved() {
    this.#content.moved();
  }

  /** Another stream is shown. */
  #begin() {
    const before = this.#content.root;
    this.#state = this.#session.state;
    this.#content = this.#opened();
    before.replaceWith(this.#content.root);
    this.#panel.clear();
    this.#retries = 0;
    this.#over = false;
  }

  #opened() {
    const { format, load } = this.#source;
    return new Content(this.#session, { format, load, before: this.#before(this.#version) });
  }

  /** The answers that one goes on from, the first first. @param {number} index @returns {Session[]} */
  #before(index) {
    const earlier = this.#source.continues()[index] ?? -1;
    return earlier < 0 || earlier >= index ? [] : [...this.#before(earlier), this.#source.sessions[earlier]];
  }

  #head() {
    const session = this.#session;
    const { state } = session;
    this.root.dataset.phase = phaseOf(session);
    this.root.dataset.level = verdictOf(session)?.level ?? "";
    this.root.toggleAttribute("data-retrying", state.retry !== null);
    this.root.ariaLabel = `Stream of ${session.model || "a model"}`;
    setText(this.#word, phaseWords(session));
    setText(this.#model, modelWords(session));
    this.#model.title = this.#model.textContent ?? "";
    setText(this.#tag, state.simulated ? "simulated" : state.replayed ? "replayed" : "");
    this.#tag.title = state.simulated ? "No model was asked: the simulator answered" : state.replayed ? "A recording, played with its own timing" : "";
    this.#badge.draw(session);
    this.#stand();
  }

  /** How each verb stands now. */
  #stand() {
    const { over, stopping } = this.#session;
    const { away } = this.#kernel;
    const offers = over ? this.#kernel.offers(this.#version) : undefined;
    const pending = "The kernel has not answered yet.";
    const asking = this.#asking ? "The model is being asked." : "";
    const why = (/** @type {"retry" | "code"} */ name) => away || (offers ? offers[name] : pending);
    const had = this.#verbs.holds(focused(this.root));
    this.#verbs.draw(
      {
        stop: { offered: !over, why: stopping ? "It is being stopped." : "", label: stopping ? "Stopping…" : "Stop" },
        continue: { offered: over && offers?.continue === "", why: asking || away },
        retry: { offered: over, why: asking || why("retry") },
        copy: { offered: over, why: this.#content.empty ? "There is no answer to copy." : "" },
        save: { offered: true, why: over ? "" : "It is still running." },
        code: { offered: true, why: over ? why("code") : "It is still running." },
      },
      { index: this.#version, count: this.#source.sessions.length },
    );
    if (had && !this.#verbs.holds(focused(this.root))) this.root.focus();
  }

  #foot() {
    const { state } = this.#session;
    setText(this.#line, figureWords(this.#session));
    this.#line.title = figureHelp(state);
    this.#spark.draw(state);
    this.#chart.disabled = state.ats.length === 0;
    this.#chart.ariaLabel = this.#panel.showsChart ? "Hide the latency chart" : "Show the latency chart";
    this.#chart.title = this.#chart.ariaLabel;
    this.#chart.ariaExpanded = String(this.#panel.showsChart);
  }

  async #toggleChart() {
    if (this.#panel.showsChart) this.#panel.hideChart();
    else await this.#trying("The chart could not be loaded", () => this.#panel.showChart(this.#session));
    this.#foot();
  }

  /** @param {number} by */
  #step(by) {
    this.#source.show(this.#version + by);
  }

  /** @param {VerbName} name */
  #carryOut(name) {
    const { ask } = this.#source;
    const version = this.#version;
    if (name === "stop") this.#session.stop();
    else if (name === "copy") this.#copy();
    else if (name === "save") this.#save();
    else if (name === "code") this.#code();
    else this.#askModel(name === "retry" ? "It could not be asked again" : "It could not be continued", () => ask(name, { version }));
  }

  /** Once, however often it is clicked: each would be paid for. @param {string} failed @param {() => Promise<unknown>} work */
  async #askModel(failed, work) {
    this.#asking = true;
    this.#stand();
    await this.#trying(failed, work);
    this.#asking = false;
    this.#stand();
  }

  async #copy() {
    if (await copy(this.#content.text)) this.#verbs.copied();
    else this.#panel.say("This page may not write to the clipboard: select the text and copy it by hand.");
  }

  #save() {
    const session = this.#session;
    if (this.#kernel.away) {
      download(recording(session), fileName(session));
      this.#panel.say(`Saved as ${fileName(session)} where this browser keeps downloads: the kernel is not there to write it.`);
      return;
    }
    this.#trying("It could not be saved", async () => {
      const { name, folder } = await this.#source.ask("save", { version: this.#version });
      this.#panel.say(`Saved as ${name} in ${folder}.`);
    });
  }

  #code() {
    if (this.#panel.showsPrograms) return this.#panel.hidePrograms();
    this.#trying("There is no program", async () => {
      const { programs } = await this.#source.ask("code", { version: this.#version });
      this.#panel.showPrograms(programs);
    });
  }

  /** @param {string} failed what did not work, if it does not @param {() => Promise<unknown>} work */
  async #trying(failed, work) {
    try {
      await work();
    } catch (error) {
      this.#panel.say(`${failed}: ${reasonOf(error)}`);
    }
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
    this.#kernel.probe(this.#version);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || this.#session.over) return;
    event.preventDefault();
    event.stopPropagation();
    this.#session.stop();
  }
}
