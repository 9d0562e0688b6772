// The widget of the Python class `ChatWidget`.

import { loader } from "../lib/assets.js";
import { MOVED } from "../lib/mount.js";
import { painter } from "../lib/paint.js";
import { widget } from "../lib/widget.js";
import { Talk } from "./talk.js";
import { View } from "./view.js";

const TICK_MS = 100;

export default widget((model, signal) => {
  const talk = new Talk(model, signal);
  const load = loader(talk.ask);
  return {
    render(el, gone) {
      const view = new View(talk, load);
      el.append(view.root);
      el.addEventListener(MOVED, () => view.moved());
      const draw = painter(() => view.draw(), el, gone);
      const timer = setInterval(() => {
        if (!document.hidden && !draw.unseen) view.tick();
      }, TICK_MS);
      gone.addEventListener("abort", () => clearInterval(timer));
      talk.subscribe(draw, gone);
    },
  };
});
