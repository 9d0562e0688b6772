// What every widget's module is: one thing for each model, and any number of views of it.

import { mount } from "./mount.js";
import { factsOf } from "./page.js";
import { insist } from "./transports/comm.js";

/** @import { AnyModel, InitializeProps, RenderProps } from "@anywidget/types" */
/** @import { Render } from "./mount.js" */

/**
 * The traits of the Python class `Widget`.
 * @typedef {object} WidgetTraits
 * @property {string} mount id of the widget's place in the page
 */
/** @typedef {{render: Render}} Viewable */

const LINGER_MS = 5000;

/**
 * The default export of a widget's module. A module may be evaluated for each model or once for all: what belongs to a model lives in a
 * closure.
 * @param {(model: AnyModel<any>, signal: AbortSignal) => Viewable} open
 */
export const widget = (open) => () => {
  /** @type {Render} */
  let render;
  return {
    /** @param {InitializeProps<WidgetTraits>} props */
    initialize({ model, signal }) {
      const thing = open(model, signal);
      const presence = new Presence(model);
      render = (el, gone) => {
        presence.enter(gone);
        thing.render(el, gone);
      };
      const place = model.get("mount");
      if (place) mount(place, render, signal);
    },

    /** @param {RenderProps<WidgetTraits>} props */
    render({ el, signal }) {
      render(el, signal);
    },
  };
};

/** Tells the kernel whether the widget is to be seen anywhere: one that never is, and one that is no more, may be given up there. */
class Presence {
  #model;
  #views = 0;
  /** @type {any} */
  #timer;

  /** @param {AnyModel<any>} model */
  constructor(model) {
    this.#model = model;
  }

  /** @param {AbortSignal} gone */
  enter(gone) {
    clearTimeout(this.#timer);
    if (this.#views++ === 0) {
      const shown = { op: "shown", page: factsOf() };
      this.#tell(shown);
      insist(this.#model, shown, () => this.#views === 0);
    }
    gone.addEventListener("abort", () => {
      if (--this.#views === 0) this.#timer = setTimeout(() => this.#tell({ op: "left" }), LINGER_MS);
    });
  }

  /** @param {object} message */
  #tell(message) {
    try {
      this.#model.send(message);
    } catch {
      // No kernel: nobody to tell.
    }
  }
}
