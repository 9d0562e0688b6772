// The widget of the Python class `RaceTrack`.

import { painter } from "../lib/paint.js";
import { Runs } from "../lib/runs.js";
import { insist } from "../lib/transports/comm.js";
import { widget } from "../lib/widget.js";
import { Board } from "./board.js";
import { ARRIVALS, lanesOf } from "./lane.js";

/** @import { AnyModel } from "@anywidget/types" */

const DRAW_MS = 100; // the lanes share the page with the drawing of them, so it is not done for each frame

export default widget((model, signal) => {
  const runs = new Runs(model, signal);
  let told = false;
  return { render };

  /** @param {HTMLElement} el @param {AbortSignal} gone */
  function render(el, gone) {
    const board = new Board(model, runs);
    el.append(board.root);
    const draw = painter(() => board.draw(), el, gone);
    const timer = setInterval(() => {
      if (!board.over && !document.hidden) draw();
    }, DRAW_MS);
    gone.addEventListener("abort", () => clearInterval(timer));
    for (const trait of ["rows", "verdict", "arrivals", "runs"]) model.on(`change:${trait}`, draw);
    runs.subscribe(() => {
      if (!board.over) return;
      draw();
      if (!told) tell();
    }, gone);
  }

  /** What this page saw of a race that is over, for the kernel to keep. */
  function tell() {
    told = true;
    const report = { op: "arrivals", runs: reports(model, runs) };
    send(model, report);
    insist(model, report, () => Boolean(model.get("verdict")));
  }
});

/**
 * By run: when each event came, µs since the stream's beginning by this page's clock, and why there are no more.
 * @param {AnyModel<any>} model
 * @param {Runs} runs
 */
function reports(model, runs) {
  const lanes = lanesOf(model, runs);
  return runs.sessions.map((session) => {
    const lane = lanes.find((one) => one.session === session);
    if (!lane?.shared) return { arrived: [], failure: "" };
    return { arrived: lane.arrived.slice(0, ARRIVALS).map((at) => Math.round(at - lane.origin)), failure: lane.failure };
  });
}

/** @param {AnyModel<any>} model @param {any} message */
function send(model, message) {
  try {
    model.send(message);
  } catch {
    // No kernel: nobody to tell.
  }
}
