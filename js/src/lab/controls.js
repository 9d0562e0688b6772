// What is done to the link, and what sends over it.

import { h, setHidden, setText } from "../lib/dom.js";
import { BACKENDS, percent } from "./words.js";

/** @import { Changes } from "./changes.js" */

const ms = (/** @type {number} */ value) => `${value} ms`;

/** Sliders, from top to bottom. The kernel keeps shares, the reader sees percent. */
const SLIDERS = [
  { name: "loss", words: "Loss", max: 0.3, step: 0.005, shown: percent },
  { name: "burst", words: "Lost in a row", min: 1, max: 12, step: 1, shown: String },
  { name: "delay_ms", words: "Delay, one way", max: 400, step: 5, shown: ms },
  { name: "jitter_ms", words: "Jitter", max: 200, step: 5, shown: ms },
];

const RATES = [2, 5, 10, 25, 50, 100];

const KBITS = [null, 1024, 256, 128, 64];

export class Controls {
  #changes;
  #sliders;
  #kbits = h("select", "tw-lab-select");
  #rates = h("select", "tw-lab-select");
  #backends = h("select", "tw-lab-select");
  #page = h("input", "");
  #pages = h("label", "tw-lab-page", this.#page, h("span", "", "This page is the client"));
  #why = h("p", "tw-lab-why");
  #cut = h("button", "tw-button tw-lab-cut", "Cut the cable");
  root;

  /** @param {Changes} changes @param {(name: string, page: boolean) => void} choose a backend, and whether this page is its client */
  constructor(changes, choose) {
    this.#changes = changes;
    this.#sliders = SLIDERS.map((slider) => this.#slider(slider));
    this.#cut.type = "button";
    this.#cut.addEventListener("click", () => changes.set({ cut: this.#cut.ariaPressed !== "true" }));
    this.#kbits.addEventListener("change", () => changes.set({ kbit_s: this.#kbits.value ? Number(this.#kbits.value) : null }));
    this.#backends.addEventListener("change", () => choose(this.#backends.value, false));
    this.#page.type = "checkbox";
    this.#pages.title = "The stream comes to this browser's own WebRTC; otherwise to a process beside the kernel";
    this.#page.addEventListener("change", () => choose(this.#backends.value, this.#page.checked));
    const fields = [
      ...this.#sliders.map(({ root }) => root),
      field("Bandwidth", this.#kbits),
      this.#cut,
      field("Rate", this.#rates),
      field("Link", this.#backends, "tw-lab-wide"),
      this.#pages,
    ];
    this.root = h("div", "tw-lab-controls", ...fields, this.#why);
  }

  /** Of the next run. */
  get rate() {
    return Number(this.#rates.value);
  }

  /** @param {{impairment: Record<string, any>, rate: number, backend: string, page: boolean, offers: {name: string, not: string}[], why: string, busy: boolean}} of */
  draw({ impairment, rate, backend, page, offers, why, busy }) {
    const link = { ...impairment, ...this.#changes.pending };
    for (const { draw, name } of this.#sliders) draw(link[name]);
    options(this.#kbits, KBITS, link.kbit_s, (value) => (value ? `${value} kbit/s` : "no limit"));
    if (!this.#rates.options.length || busy) options(this.#rates, RATES, rate, (value) => `${value} tok/s`);
    this.#cut.ariaPressed = String(Boolean(link.cut));
    setText(this.#cut, link.cut ? "Mend the cable" : "Cut the cable");
    this.#rates.disabled = busy;
    this.#draw(backend, offers.length ? offers : [{ name: backend, not: "" }], busy);
    setHidden(this.#pages, backend !== "relay");
    this.#page.checked = page;
    this.#page.disabled = busy;
    setText(this.#why, why);
  }

  /** @param {string} backend @param {{name: string, not: string}[]} offers @param {boolean} busy */
  #draw(backend, offers, busy) {
    options(this.#backends, offers.map(({ name }) => name), backend, (name) => BACKENDS[name] ?? name);
    for (const [i, { not }] of offers.entries()) {
      this.#backends.options[i].disabled = not !== "";
      this.#backends.options[i].title = not;
    }
    this.#backends.disabled = busy;
  }

  /** @param {{name: string, words: string, min?: number, max: number, step: number, shown: (value: number) => string}} of */
  #slider({ name, words, min = 0, max, step, shown }) {
    const input = h("input", "tw-lab-slider");
    const output = h("span", "tw-lab-value"); // an output would be what the label is of
    Object.assign(input, { type: "range", min: String(min), max: String(max), step: String(step) });
    const say = (/** @type {number} */ value) => {
      setText(output, shown(value));
      input.setAttribute("aria-valuetext", shown(value));
    };
    input.addEventListener("input", () => {
      say(Number(input.value));
      this.#changes.set({ [name]: Number(input.value) });
    });
    const draw = (/** @type {number} */ value) => {
      if (Number(input.value) !== value) input.value = String(value);
      say(value);
    };
    return { name, draw, root: h("label", "tw-lab-field", h("span", "", words), output, input) };
  }
}

/** @param {string} words @param {HTMLElement} control @param {string} [shape] */
const field = (words, control, shape = "tw-lab-choice") => h("label", `tw-lab-field ${shape}`, h("span", "", words), control);

/**
 * Options of a choice, with the value it has, whatever that is.
 * @template {string | number | null} T
 * @param {HTMLSelectElement} select @param {T[]} values @param {T} value @param {(value: T) => string} words
 */
function options(select, values, value, words) {
  const all = values.includes(value) ? values : [...values, value];
  const keys = all.map((one) => String(one ?? ""));
  if (keys.join() !== [...select.options].map((option) => option.value).join()) {
    select.replaceChildren(...all.map((one, i) => Object.assign(h("option", "", words(one)), { value: keys[i] })));
  }
  if (select.value !== String(value ?? "")) select.value = String(value ?? "");
}
