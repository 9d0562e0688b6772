// The widget of the Python class `TokenStream`.

import { painter } from "../lib/paint.js";
import { Card } from "./card.js";
import { Session } from "./session.js";

/** @import { InitializeProps, RenderProps } from "@anywidget/types" */
/** @import { Traits } from "./session.js" */

const TICK_MS = 100;

/** A module may be evaluated for each model or once for all: what belongs to a model lives in this closure. */
export default function widget() {
  /** @type {Session} */
  let session;

  return {
    /** @param {InitializeProps<Traits>} props */
    initialize({ model, signal }) {
      session = new Session(model, signal);
    },

    /** @param {RenderProps<Traits>} props */
    render({ el, signal }) {
      const card = new Card(session);
      el.append(card.root);
      const timer = setInterval(() => {
        if (!session.over && !document.hidden) card.tick();
      }, TICK_MS);
      signal.addEventListener("abort", () => clearInterval(timer));
      session.subscribe(painter(() => card.draw(), signal), signal);
    },
  };
}
