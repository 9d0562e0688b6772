// The widget of the Python class `Timeline`.

import { asker } from "../lib/ask.js";
import { painter } from "../lib/paint.js";
import { Session, transportsOf } from "../lib/session.js";
import { widget } from "../lib/widget.js";
import { Scrubber } from "./scrubber.js";
import { View } from "./view.js";

export default widget((model, signal) => {
  const session = new Session(model, signal, transportsOf(model));
  const scrubber = new Scrubber(model, session, asker(model));
  return {
    render(el, gone) {
      const view = new View(session, scrubber);
      el.append(view.root);
      const draw = painter(() => view.draw(), el, gone);
      session.subscribe(painter(() => scrubber.read(), el, gone), gone);
      scrubber.subscribe(draw, gone);
      view.draw();
    },
  };
});
