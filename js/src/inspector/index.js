// The widget of the Python class `WireInspector`.

import { asker } from "../lib/ask.js";
import { painter } from "../lib/paint.js";
import { Session, transportsOf } from "../lib/session.js";
import { widget } from "../lib/widget.js";
import { Inspector } from "./inspector.js";
import { View } from "./view.js";

export default widget((model, signal) => {
  const session = new Session(model, signal, transportsOf(model));
  const inspector = new Inspector(model, session, asker(model), signal);
  return {
    render(el, gone) {
      const view = new View(inspector);
      el.append(view.root);
      session.subscribe(painter(() => inspector.read(), el, gone), gone);
      inspector.subscribe(painter(() => view.draw(), el, gone), gone);
      inspector.read();
    },
  };
});
