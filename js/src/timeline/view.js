// A timeline as it is seen: the track, the controls, the text as it was, and what is known of the chunk at the playhead.

import { h, setText } from "../lib/dom.js";
import { duration, figures, line, seconds } from "../lib/figures.js";
import { TokenText } from "../lib/tokentext.js";
import { STEP_WORDS, levelOf } from "./delays.js";
import { Detail } from "./detail.js";
import { SKIPPED_US, SPEEDS, shifted } from "./playhead.js";
import { Track } from "./track.js";
import { chunkWords, positionWords } from "./words.js";

/** @import { Session } from "../lib/session.js" */
/** @import { Scrubber } from "./scrubber.js" */
/** @import { Playhead } from "./playhead.js" */

const KEYS = [
  ["← →", "one chunk back or on"],
  ["Shift ← →", "ten chunks"],
  ["Home End", "the beginning, the end"],
  ["Space", "play, pause"],
  ["+ −", "faster, slower"],
  ["?", "these keys"],
];

export class View {
  #session;
  #scrubber;
  #model = h("span", "tw-model");
  #tag = h("span", "tw-tag");
  #clock = h("span", "tw-clock");
  #count = h("span", "tw-count");
  #track = new Track((part) => this.#move((playhead) => playhead.seek(part * playhead.end)));
  #play = button("Play", () => this.#toggle());
  #back = button("‹", () => this.#move((playhead) => playhead.step(-1)), "One chunk back");
  #on = button("›", () => this.#move((playhead) => playhead.step(1)), "One chunk on");
  #speed = h("select", "tw-select");
  #skip = h("input", "");
  #skipped = h("span", "tw-skipped");
  #help = button("?", () => this.#showKeys(), "Keys");
  #keys = h("div", "tw-keys", ...KEYS.flatMap(([keys, what]) => [h("kbd", "", keys), h("span", "", what)]));
  #text = new TokenText(({ gap }) => levelOf(gap), (index) => this.#move((playhead) => playhead.to(index)));
  #detail = new Detail();
  #line = h("span", "tw-line");
  #placed = 0;
  root = h(
    "div",
    "tw-card tw-timeline",
    h("div", "tw-head", h("span", "tw-title", "Timeline"), this.#model, this.#tag, h("span", "tw-end", this.#count, this.#clock)),
    this.#track.root,
    h("div", "tw-controls", this.#play, this.#back, this.#on, this.#speed, h("label", "tw-skip", this.#skip, `Skip gaps over ${SKIPPED_US / 1_000_000} s`), this.#skipped, legend(), this.#help),
    this.#keys,
    h("div", "tw-panes", this.#text.root, this.#detail.root),
    h("div", "tw-foot", this.#line),
  );

  /** @param {Session} session @param {Scrubber} scrubber */
  constructor(session, scrubber) {
    this.#session = session;
    this.#scrubber = scrubber;
    this.root.setAttribute("role", "group");
    this.root.dataset.lmSuppressShortcuts = "true"; // its keys are its own
    this.#text.root.setAttribute("role", "group");
    this.#text.root.ariaLabel = "The text as it was";
    this.#text.root.tabIndex = 0;
    this.#keys.hidden = true;
    this.#skip.type = "checkbox";
    this.#skip.addEventListener("change", () => this.#move((playhead) => (playhead.skipping = this.#skip.checked)));
    this.#speed.ariaLabel = "Speed";
    this.#speed.append(...SPEEDS.map((speed) => new Option(`${speed}×`, String(speed))));
    this.#speed.addEventListener("change", () => this.#setSpeed(Number(this.#speed.value)));
    this.root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Show how things are. */
  draw() {
    const { state } = this.#session;
    const { chunks, playhead, speed } = this.#scrubber;
    this.root.ariaLabel = `Timeline of ${this.#session.model || "a stream"}`;
    setText(this.#model, this.#session.model);
    setText(this.#tag, state.simulated ? "simulated" : state.replayed ? "replayed" : "");
    setText(this.#clock, `${seconds(playhead.at)} of ${seconds(playhead.end)}`);
    setText(this.#count, chunkWords(playhead.index, chunks.all.length));
    setText(this.#play, playhead.playing ? "Pause" : "Play");
    setText(this.#skipped, playhead.skipped ? `skipped ${duration(playhead.skipped)}` : "");
    this.#speed.value = String(speed);
    this.#skip.checked = playhead.skipping;
    setText(this.#line, this.#session.failure || line(figures(state)));
    this.#track.draw(chunks.all, playhead.end, state.terminal);
    this.#track.point(playhead.at, positionWords(playhead, chunks.all));
    this.#write(playhead);
    this.#detail.show(this.#scrubber);
  }

  /** @param {Playhead} playhead */
  #write({ index }) {
    const { all } = this.#scrubber.chunks;
    this.#text.add(all.slice(this.#placed));
    this.#placed = all.length;
    this.#text.show(index);
    this.#text.reveal(index);
  }

  /** @param {(playhead: Playhead) => void} move */
  #move(move) {
    this.#scrubber.move(move);
  }

  #toggle() {
    this.#move((playhead) => (playhead.playing ? playhead.pause() : playhead.play()));
  }

  /** @param {number} speed */
  #setSpeed(speed) {
    this.#scrubber.speed = speed;
    this.draw();
  }

  #showKeys() {
    this.#keys.hidden = !this.#keys.hidden;
    this.#help.ariaExpanded = String(!this.#keys.hidden);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : this.#action(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** What a key does, where the control that has the focus does nothing with it. @param {KeyboardEvent} event @returns {(() => void) | undefined} */
  #action({ key, shiftKey, target }) {
    const step = shiftKey ? 10 : 1;
    const inControl = target instanceof Element && target.matches("button, select, input");
    if (target === this.#speed) return undefined;
    switch (key) {
      case "ArrowLeft":
        return () => this.#move((playhead) => playhead.step(-step));
      case "ArrowRight":
        return () => this.#move((playhead) => playhead.step(step));
      case "Home":
        return () => this.#move((playhead) => playhead.seek(0));
      case "End":
        return () => this.#move((playhead) => playhead.follow());
      case " ":
        return inControl ? undefined : () => this.#toggle();
      case "+":
      case "-":
        return () => this.#setSpeed(shifted(this.#scrubber.speed, key === "+" ? 1 : -1));
      case "?":
        return () => this.#showKeys();
      default:
        return undefined;
    }
  }
}

/** @param {string} words @param {() => void} act @param {string} [label] */
function button(words, act, label = "") {
  const made = h("button", "tw-button", words);
  made.type = "button";
  if (label) made.ariaLabel = made.title = label;
  made.addEventListener("click", act);
  return made;
}

/** What the tints mean. */
function legend() {
  const steps = STEP_WORDS.map((words, level) => {
    const step = h("span", "tw-token tw-step", words);
    step.dataset.delay = String(level);
    return step;
  });
  return h("span", "tw-legend", h("span", "tw-legend-title", "delay before"), ...steps);
}
