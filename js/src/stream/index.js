// The widget of the Python class `TokenStream`.

import { painter } from "../lib/paint.js";
import { Session, transportsOf } from "../lib/session.js";
import { widget } from "../lib/widget.js";
import { Card } from "./card.js";

const TICK_MS = 100;

export default widget((model, signal) => {
  const session = new Session(model, signal, transportsOf(model));
  return { render };

  /** @param {HTMLElement} el @param {AbortSignal} gone */
  function render(el, gone) {
    const card = new Card(session);
    el.append(card.root);
    const timer = setInterval(() => {
      if (!session.over && !document.hidden) card.tick();
    }, TICK_MS);
    gone.addEventListener("abort", () => clearInterval(timer));
    session.subscribe(painter(() => card.draw(), gone), gone);
  }
});
