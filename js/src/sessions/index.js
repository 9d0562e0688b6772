// The widget of the Python class `Sessions`.

import { asker } from "../lib/ask.js";
import { widget } from "../lib/widget.js";
import { Bar } from "./bar.js";
import { Source } from "./source.js";

const LOOK_MS = 1000;

export default widget((model, signal) => {
  const source = new Source(model, asker(model));
  /** @type {Set<Bar>} */
  const bars = new Set();
  /** @type {any} */
  let timer;
  let looking = false;
  document.addEventListener("visibilitychange", wake, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  return { render };

  /** @param {HTMLElement} el @param {AbortSignal} gone */
  function render(el, gone) {
    const bar = new Bar(model, source, signal, wake);
    el.append(bar.root);
    bars.add(bar);
    gone.addEventListener("abort", () => {
      bars.delete(bar);
      bar.close();
    });
    wake();
  }

  /** Look now, and again each second as long as somebody sees it. */
  async function wake() {
    clearTimeout(timer);
    if (looking || bars.size === 0 || document.hidden || signal.aborted) return;
    looking = true;
    const seen = await source.look();
    looking = false;
    for (const bar of bars) bar.draw(seen);
    timer = setTimeout(wake, LOOK_MS);
  }
});
