// The widget of the Python class `Readers`: this page reads the lanes of a comparison, call by call, and tells what it saw.

import { h, setText } from "../lib/dom.js";
import { painter } from "../lib/paint.js";
import { insist } from "../lib/transports/comm.js";
import { widget } from "../lib/widget.js";
import { Call } from "./readers.js";

/** @import { Draw } from "../lib/paint.js" */

export default widget((model, signal) => {
  /** @type {Call | null} */
  let call = null;
  /** The place that draws; a second view of the same widget only repeats it. @type {Draw | null} */
  let draw = null;
  const list = h("div", "tw-readers-rows");
  model.on("change:runs", begin);
  return { render };

  /** @param {HTMLElement} el @param {AbortSignal} gone */
  function render(el, gone) {
    el.append(h("div", "tw-card tw-readers", list));
    draw = painter(show, el, gone);
    if (!call) begin();
  }

  /** A call's lanes attach; those of the one before are left. */
  function begin() {
    if (!draw) return;
    call?.leave();
    call = null;
    if (!model.get("runs").length) return draw();
    const next = (call = new Call(model, signal));
    let told = false;
    const seen = () => {
      draw?.();
      if (told || !next.over || !(next.painted || draw?.unseen)) return;
      told = true;
      tell(next);
    };
    next.begin(Object.defineProperty(seen, "unseen", { get: () => draw?.unseen ?? true }));
  }

  function show() {
    const lines = call?.lines ?? [];
    while (list.children.length > lines.length) list.lastChild?.remove();
    while (list.children.length < lines.length) list.append(h("div", "tw-readers-row"));
    lines.forEach((line, i) => setText(/** @type {HTMLElement} */ (list.children[i]), line));
  }

  /** @param {Call} of */
  async function tell(of) {
    const report = await of.report();
    send(report);
    insist(model, report, () => call !== of || model.get("heard") >= of.number);
  }

  /** @param {any} message */
  function send(message) {
    try {
      model.send(message);
    } catch {
      // No kernel: nobody to tell.
    }
  }
});
