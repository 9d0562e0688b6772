// The model of a widget in a page without a kernel: its traits, and whoever answers its questions.

/** @typedef {(...args: any[]) => void} Listener */
/** @typedef {(message: any) => object | Promise<object>} Answerer gives the fields of the answer to a question */

/** A model as anywidget gives one, of whatever traits there are. */
export class PageModel {
  #traits;
  #answer;
  /** What was asked: it is asked anew where an answer takes its time. @type {Set<string>} */
  #asked = new Set();
  /** @type {Map<string, Set<Listener>>} */
  #listeners = new Map();

  /** @param {Record<string, unknown>} traits @param {Answerer} answer */
  constructor(traits, answer) {
    this.#traits = traits;
    this.#answer = answer;
  }

  /** @param {string} name @returns {any} */
  get(name) {
    return this.#traits[name];
  }

  /** @param {string} name @param {unknown} value */
  set(name, value) {
    if (this.#traits[name] === value) return;
    this.#traits[name] = value;
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

  /** A message to the kernel: questions are answered, what is only told goes nowhere. @param {any} message */
  send(message) {
    if (message.ask === undefined || this.#asked.has(message.ask)) return;
    this.#asked.add(message.ask);
    Promise.resolve(this.#answer(message)).then((answer) => this.#emit("msg:custom", { answer: message.ask, ...answer }));
  }

  /** @param {string} event @param {...any} args */
  #emit(event, ...args) {
    for (const listener of this.#listeners.get(event) ?? []) listener(...args);
  }
}
