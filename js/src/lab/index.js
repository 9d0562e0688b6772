// The widget of the Python class `NetworkLab`.

import { asker } from "../lib/ask.js";
import { painter } from "../lib/paint.js";
import { widget } from "../lib/widget.js";
import { beClient } from "./client.js";
import { Feed } from "./feed.js";
import { View } from "./view.js";

const TRAITS = ["backend", "page", "tag", "why", "offers", "lanes", "impairment", "rate", "state", "error", "rows", "provenance", "prediction", "verdict"];

export default widget((model, signal) => {
  const ask = asker(model);
  let feed = fresh();
  let asking = false;
  /** @type {Set<() => void>} */
  const views = new Set();
  model.on("change:lanes", () => {
    feed = fresh();
  });
  model.on("msg:custom", (message) => {
    if (message?.op === "invited") beClient(ask, signal);
    if (message?.op !== "reports") return;
    if (!feed.take(message, now())) catchUp();
    for (const move of views) move();
  });
  if (model.get("number") > 0) catchUp();
  return { render };

  function fresh() {
    return new Feed(model.get("lanes").length);
  }

  /** Ask for what was missed. */
  async function catchUp() {
    if (asking) return;
    asking = true;
    try {
      feed.restart(await ask("snapshot"), now());
    } catch {
      // No kernel: what is shown is all there is.
    }
    asking = false;
    if (!signal.aborted) for (const move of views) move();
  }

  /** @param {HTMLElement} el @param {AbortSignal} gone */
  function render(el, gone) {
    const view = new View(model, () => feed, ask);
    el.append(view.root);
    const draw = painter(() => view.draw(), el, gone);
    const move = painter(
      () => {
        view.move(now(), move.unseen);
        if (feed.busy(now())) move();
      },
      el,
      gone,
    );
    views.add(move);
    for (const trait of TRAITS) model.on(`change:${trait}`, draw);
    gone.addEventListener("abort", () => {
      views.delete(move);
      for (const trait of TRAITS) model.off(`change:${trait}`, draw);
    });
    view.draw();
    move();
    if (model.get("number") > feed.run) catchUp(); // nothing is told while no page shows it
  }
});

/** µs of this page's clock. */
const now = () => performance.now() * 1000;
