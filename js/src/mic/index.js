// The widget of the Python class `Mic`.

import { asker } from "../lib/ask.js";
import { painter } from "../lib/paint.js";
import { Runs } from "../lib/runs.js";
import { widget } from "../lib/widget.js";
import { pageAudio } from "./capture.js";
import { Clips } from "./clips.js";
import { Talk } from "./talk.js";
import { View } from "./view.js";

export default widget((model, signal) => {
  const runs = new Runs(model, signal);
  const ask = asker(model);
  const talk = new Talk({ model, runs, ask, audio: pageAudio(), signal });
  const clips = new Clips(model, ask, talk);
  if (model.get("with_clip")) clips.choose();
  return { render };

  /** @param {HTMLElement} el @param {AbortSignal} gone */
  function render(el, gone) {
    const view = new View({ model, runs, talk, clips });
    el.append(view.root);
    const draw = painter(() => view.draw(), el, gone);
    talk.subscribe(draw, gone);
    for (const trait of ["model", "clips"]) model.on(`change:${trait}`, draw);
    gone.addEventListener("abort", () => {
      for (const trait of ["model", "clips"]) model.off(`change:${trait}`, draw);
    });
    draw();
  }
});
