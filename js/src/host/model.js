// The model of an exported widget: its traits, and whoever answers its questions, out of the page's own file.

/** @import { RawFrame } from "../lib/wire.js" */

/**
 * What `tokenwidgets/export.py` writes into the page.
 * @typedef {object} Contents
 * @property {string} module the widget's bundle
 * @property {Record<string, unknown>} traits with the events of each stream
 * @property {Record<string, object>} [answers] to what the page asks, by operation
 * @property {Record<string, RawFrame[]>} frames by the stream's id
 * @property {Record<string, string>} assets
 */
/** @typedef {(...args: any[]) => void} Listener */

/** A model as anywidget gives one, of whatever traits there are. */
export class PageModel {
  #contents;
  /** @type {Map<string, Set<Listener>>} */
  #listeners = new Map();

  /** @param {Contents} contents */
  constructor(contents) {
    this.#contents = contents;
  }

  /** @param {string} name */
  get(name) {
    return this.#contents.traits[name];
  }

  /** @param {string} name @param {unknown} value */
  set(name, value) {
    if (this.#contents.traits[name] === value) return;
    this.#contents.traits[name] = value;
    this.#emit(`change:${name}`);
    this.#emit("change");
  }

  /** There is nobody to save them for. */
  save_changes() {}

  /** @param {string} event @param {Listener} listener */
  on(event, listener) {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
  }

  /** @param {string} event @param {Listener} listener */
  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }

  /** A message to the kernel: questions are answered from the file, what is only told goes nowhere. @param {any} message */
  send(message) {
    if (message.ask === undefined) return;
    const answer = { answer: message.ask, ...this.#answer(message) };
    queueMicrotask(() => this.#emit("msg:custom", answer));
  }

  /** @param {any} message */
  #answer({ op, stream, name }) {
    const { answers = {}, frames, assets } = this.#contents;
    if (op in answers) return answers[op];
    if (op === "wire" && stream in frames) return { frames: frames[stream], of: frames[stream].length };
    if (op === "asset" && name in assets) return { text: assets[name] };
    return { error: { code: "not_found", message: "This page is a file without a kernel, and does not hold that." } };
  }

  /** @param {string} event @param {...any} args */
  #emit(event, ...args) {
    for (const listener of this.#listeners.get(event) ?? []) listener(...args);
  }
}
