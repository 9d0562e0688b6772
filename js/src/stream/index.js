// The widget of the Python class `TokenStream`.

import { asker } from "../lib/ask.js";
import { loader } from "../lib/assets.js";
import { warmUp } from "../lib/markdown.js";
import { MOVED } from "../lib/mount.js";
import { painter } from "../lib/paint.js";
import { Runs } from "../lib/runs.js";
import { widget } from "../lib/widget.js";
import { Card } from "./card.js";

const TICK_MS = 100;

export default widget((model, signal) => {
  const runs = new Runs(model, signal, { upgrades: true });
  const ask = asker(model);
  const load = loader(ask);
  warmUp();
  return { render };

  /** @param {HTMLElement} el @param {AbortSignal} gone */
  function render(el, gone) {
    const card = new Card({
      sessions: runs.sessions,
      version: () => model.get("version") ?? 0,
      show,
      continues: () => model.get("runs").map(({ continues = -1 }) => continues),
      format: model.get("format"),
      ask,
      load,
    });
    el.append(card.root);
    const draw = painter(() => card.draw(), el, gone);
    const timer = setInterval(() => {
      if (!card.still && !document.hidden && !draw.unseen) card.tick();
    }, TICK_MS);
    const moved = () => card.moved();
    el.addEventListener(MOVED, moved);
    model.on("change:version", draw);
    gone.addEventListener("abort", () => {
      clearInterval(timer);
      model.off("change:version", draw);
    });
    runs.subscribe(draw, gone);
  }

  /** @param {number} version */
  function show(version) {
    model.set("version", version);
    model.save_changes();
  }
});
