// The network lab as it is seen.

import { Announcer } from "../lib/announce.js";
import { focused, h, setHidden, setText } from "../lib/dom.js";
import { reasonOf } from "../lib/transport.js";
import { MARKS } from "./bars.js";
import { Changes } from "./changes.js";
import { Controls } from "./controls.js";
import { Lane } from "./lane.js";
import { Question } from "./question.js";
import { BUTTONS, STALLS, drawing, linkWords, progress } from "./words.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Ask } from "../lib/ask.js" */
/** @import { Feed } from "./feed.js" */

export class View {
  #model;
  #feed;
  #ask;
  #controls;
  #question;
  #tag = h("span", "tw-tag");
  #progress = h("span", "tw-lab-progress");
  #run = h("button", "tw-button tw-lab-run");
  #problem = h("p", "tw-lab-problem");
  #lanes = h("div", "tw-lab-lanes");
  #secret = h("p", "tw-lab-secret", "Figures are shown once you have predicted, or skipped it.");
  #foot = h("p", "tw-lab-note");
  #stalls = h("p", "tw-lab-note", STALLS);
  #drawing = h("p", "tw-lab-note");
  #live = h("div", "tw-live");
  #announcer = new Announcer(this.#live);
  /** @type {Lane[]} */
  #drawn = [];
  #names = "";
  #why = "";
  #said = { link: "", verdict: "", state: "" };
  root = h("div", "tw-card tw-lab");

  /** @param {AnyModel<any>} model @param {() => Feed} feed @param {Ask} ask */
  constructor(model, feed, ask) {
    this.#model = model;
    this.#feed = feed;
    this.#ask = ask;
    this.#controls = new Controls(new Changes(ask, (why) => this.#tell(why)), (backend, page) => this.#do("choose", { backend, page }));
    this.#question = new Question((prediction) => this.#do("predict", { prediction }));
    this.#build();
    this.#said = this.#now();
  }

  #build() {
    const head = h("div", "tw-lab-head", h("span", "tw-lab-title", "Network lab"), this.#tag, h("span", "tw-lab-space"), this.#progress, this.#run);
    const axis = h("div", "tw-lab-axis", ...MARKS.map((words) => h("span", "", words)));
    for (const [i, mark] of [...axis.children].entries()) /** @type {HTMLElement} */ (mark).style.setProperty("--tw-at", `${(100 * i) / (MARKS.length - 1)}%`);
    const right = h("div", "tw-lab-right", this.#lanes, h("div", "tw-lab-under", axis, this.#secret));
    this.root.append(head, this.#problem, this.#question.root, h("div", "tw-lab-body", this.#controls.root, right), h("div", "tw-lab-notes", this.#foot, this.#stalls, this.#drawing), this.#live);
    this.root.setAttribute("role", "group");
    this.root.ariaLabel = "Network lab";
    this.root.dataset.lmSuppressShortcuts = "true";
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.#run.type = "button";
    this.#run.addEventListener("click", () => this.#toggle());
    this.#lanes.setAttribute("role", "list");
    this.#live.setAttribute("aria-live", "polite");
    this.#problem.setAttribute("role", "alert");
    axis.ariaHidden = "true";
  }

  /** Show the traits as they are. */
  draw() {
    const of = (/** @type {string} */ name) => this.#model.get(name);
    const { state, busy } = this;
    this.root.dataset.state = state;
    this.root.toggleAttribute("data-cut", Boolean(of("impairment").cut));
    setText(this.#tag, of("tag"));
    setText(this.#progress, progress(state, of("rows")[0]?.tokens ?? 0, of("tokens")));
    setText(this.#run, BUTTONS[state]);
    this.#run.disabled = state === "starting";
    this.#tellProblem(of("error"));
    this.#question.draw({ lanes: of("lanes"), prediction: of("prediction"), verdict: of("verdict") });
    this.#controls.draw({ impairment: of("impairment"), rate: of("rate"), backend: of("backend"), page: of("page"), offers: of("offers"), why: of("why"), busy });
    this.#drawLanes(of("lanes"), of("rows"), of("prediction") === "");
    setText(this.#foot, of("provenance"));
    setHidden(this.#foot, of("provenance") === "");
    setText(this.#drawing, drawing(this.#feed().every));
    this.#announce();
  }

  /** Show what flies, and what came out. @param {number} now µs of the page's clock @param {boolean} unseen */
  move(now, unseen) {
    const feed = this.#feed();
    feed.advance(now);
    if (unseen) return;
    const near = feed.near(now);
    const packets = this.still ? [] : feed.packets;
    for (const [i, lane] of this.#drawn.entries()) lane.move(feed.texts[i] ?? "", packets.filter((packet) => packet.lane === i), near);
  }

  get state() {
    return /** @type {string} */ (this.#model.get("state"));
  }

  get busy() {
    return this.state === "starting" || this.state === "running";
  }

  /** Whether the reader wants nothing to move. */
  get still() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /** @param {import("./lane.js").Look[]} lanes @param {import("./lane.js").Row[]} rows @param {boolean} hidden */
  #drawLanes(lanes, rows, hidden) {
    const names = lanes.map(({ lane }) => lane).join();
    if (names !== this.#names) {
      this.#names = names;
      this.#drawn = lanes.map((look) => new Lane(look));
      this.#lanes.replaceChildren(...this.#drawn.map(({ root }) => root));
    }
    for (const row of rows) this.#drawn[lanes.findIndex(({ lane }) => lane === row.lane)]?.draw(row, hidden);
    setHidden(this.#secret, !hidden);
    setHidden(this.#stalls, hidden);
  }

  #toggle() {
    if (this.busy) this.#do("stop");
    else this.#do("start", { rate: this.#controls.rate });
  }

  /** @param {string} op @param {object} fields */
  #do(op, fields = {}) {
    const within = this.#question.root.contains(focused(this.root));
    this.#ask(op, fields).then(
      () => {
        this.#tell("");
        if (within) this.#run.focus();
      },
      (error) => this.#tell(reasonOf(error)),
    );
  }

  /** @param {string} why something was not done, or nothing */
  #tell(why) {
    this.#why = why;
    this.draw();
  }

  /** @param {string} error of the run */
  #tellProblem(error) {
    setText(this.#problem, this.#why || error);
    setHidden(this.#problem, this.#problem.textContent === "");
  }

  #now() {
    return { link: linkWords(this.#model.get("impairment")), verdict: this.#model.get("verdict"), state: this.state };
  }

  /** Say what changed, in a sentence. */
  #announce() {
    const before = this.#said;
    const now = (this.#said = this.#now());
    if (now.verdict && now.verdict !== before.verdict) this.#announcer.say(now.verdict);
    else if (now.state === "over" && before.state !== "over") this.#announcer.say("The run is over.");
    else if (now.state === "running" && before.state !== "running") this.#announcer.say(`The run has begun. ${now.link}`);
    else if (now.link !== before.link) this.#announcer.say(now.link);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || !this.busy) return;
    event.preventDefault();
    event.stopPropagation();
    this.#do("stop");
  }
}
