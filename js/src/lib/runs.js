// Several streams of one widget: a session for each element of its trait `runs`.

import { Session, transportsOf } from "./session.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Run } from "./session.js" */

/** @typedef {{runs: Run[]}} RunsTraits */

export class Runs {
  /** @type {Session[]} in the order of the trait, which only ever grows */
  sessions = [];
  #model;
  #signal;
  #transports;
  #options;
  /** @type {Set<{view: () => void, signal: AbortSignal}>} */
  #views = new Set();

  /**
   * @param {AnyModel<any>} model whose trait `runs` is a list of `Run`
   * @param {AbortSignal} signal
   * @param {{upgrades?: boolean}} [options] of each session
   */
  constructor(model, signal, options) {
    this.#model = model;
    this.#options = options;
    this.#signal = signal;
    this.#transports = transportsOf(model);
    model.on("change:runs", () => this.#take());
    this.#take();
  }

  /** Draw when something changed in any of them. @param {() => void} view @param {AbortSignal} signal */
  subscribe(view, signal) {
    const entry = { view, signal };
    this.#views.add(entry);
    signal.addEventListener("abort", () => this.#views.delete(entry));
    for (const session of this.sessions) session.subscribe(view, signal);
    view();
  }

  #take() {
    const count = this.#model.get("runs")?.length ?? 0;
    for (let i = this.sessions.length; i < count; i++) {
      const session = new Session(element(this.#model, i), this.#signal, this.#transports, this.#options);
      this.sessions.push(session);
      for (const { view, signal } of this.#views) session.subscribe(view, signal);
    }
    for (const { view } of this.#views) view();
  }
}

/**
 * An element of the trait as a model of its own.
 * @param {AnyModel<any>} model
 * @param {number} index
 * @returns {AnyModel<any>}
 */
function element(model, index) {
  /** @type {Record<string, any>} */
  let run = model.get("runs")[index];
  /** @type {[string, () => void][]} */
  const listeners = [];
  model.on("change:runs", () => {
    const was = run;
    run = model.get("runs")[index] ?? {};
    for (const [name, listener] of listeners) if (was[name] !== run[name]) listener();
  });
  const one = {
    /** @param {string} name */
    get: (name) => run[name],
    /** @param {string} event @param {() => void} listener */
    on: (event, listener) => void listeners.push([event.replace("change:", ""), listener]),
    /** @param {any} message */
    send: (message) => model.send(message),
  };
  return /** @type {AnyModel<any>} */ (/** @type {unknown} */ (one));
}
