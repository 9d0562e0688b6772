// The round button: pressed once to begin and once more to end; or held while one speaks.

import { h } from "../lib/dom.js";

/** @import { Talk } from "./talk.js" */

const LOUDEST_DB = -3;
const QUIETEST_DB = -55;

const PATHS = {
  microphone: "M12 15a3.5 3.5 0 0 0 3.5-3.5v-5a3.5 3.5 0 0 0-7 0v5A3.5 3.5 0 0 0 12 15Zm6.5-3.5a6.5 6.5 0 0 1-5.7 6.45V21h-1.6v-3.05A6.5 6.5 0 0 1 5.5 11.5h1.6a4.9 4.9 0 0 0 9.8 0Z",
  end: "M7.5 6h9A1.5 1.5 0 0 1 18 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 6 16.5v-9A1.5 1.5 0 0 1 7.5 6Z",
};

export class RoundButton {
  #talk;
  #path = svg("path");
  root = h("button", "tw-m-button");

  /** @param {Talk} talk */
  constructor(talk) {
    this.#talk = talk;
    const picture = svg("svg");
    picture.setAttribute("viewBox", "0 0 24 24");
    picture.setAttribute("aria-hidden", "true");
    picture.append(this.#path);
    this.root.type = "button";
    this.root.append(h("span", "tw-m-ring"), picture);
    this.root.addEventListener("click", () => this.#pressed());
    this.root.addEventListener("pointerdown", (event) => this.#down(event));
    for (const up of ["pointerup", "pointercancel", "lostpointercapture"]) this.root.addEventListener(up, () => this.#up());
    this.root.addEventListener("keydown", (event) => this.#keyDown(event));
    this.root.addEventListener("keyup", (event) => this.#keyUp(event));
    this.root.addEventListener("blur", () => this.#up());
  }

  draw() {
    const { state, level, held } = this.#talk;
    const ends = !this.#holds && !["off", "preview"].includes(state);
    this.#path.setAttribute("d", ends ? PATHS.end : PATHS.microphone);
    this.root.ariaLabel = this.#holds ? "Hold to talk" : this.#talk.recorder ? (ends ? "Stop recording" : "Record") : ends ? "End the talk" : "Talk";
    this.root.setAttribute("aria-pressed", String(this.#holds ? held : ends));
    this.root.style.setProperty("--tw-level", loudness(level).toFixed(2));
  }

  get #holds() {
    return !this.#talk.handsFree && !this.#talk.recorder;
  }

  #pressed() {
    if (this.#holds) return;
    const { state } = this.#talk;
    if (state === "off" || state === "preview") this.#talk.begin();
    else this.#talk.end();
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (!this.#holds || event.button !== 0) return;
    this.root.setPointerCapture(event.pointerId);
    this.#talk.hold();
  }

  #up() {
    if (this.#holds) this.#talk.release();
  }

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    if (!this.#holds || (event.key !== " " && event.key !== "Enter")) return;
    event.preventDefault();
    if (!event.repeat) this.#talk.hold();
  }

  /** @param {KeyboardEvent} event */
  #keyUp(event) {
    if (this.#holds && (event.key === " " || event.key === "Enter")) this.#up();
  }
}

/** From 0 to 1 as an ear has it. @param {number} peak */
export function loudness(peak) {
  const db = 20 * Math.log10(Math.max(peak, 1e-6));
  return Math.max(0, Math.min(1, (db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)));
}

/** @template {keyof SVGElementTagNameMap} T @param {T} name @returns {SVGElementTagNameMap[T]} */
const svg = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);
