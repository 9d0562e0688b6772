// The widget of the Python class `LatencyChart`.

import { painter } from "../lib/paint.js";
import { Runs } from "../lib/runs.js";
import { widget } from "../lib/widget.js";
import { LatencyChart } from "./chart.js";
import { Reporter } from "./report.js";

const TICK_MS = 100;
const PACE_MS = 50; // a chart that grows faster shows no more

export default widget((model, signal) => {
  const runs = new Runs(model, signal);
  const reporter = new Reporter(model, runs.sessions);
  return { render };

  /** @param {HTMLElement} el @param {AbortSignal} gone */
  function render(el, gone) {
    const chart = new LatencyChart(runs.sessions, { scale: model.get("scale"), onSelect, onScale });
    el.append(chart.root);
    const take = () => chart.select(model.get("selected_run"), model.get("selected"));
    const rescale = () => (chart.scale = model.get("scale"));
    for (const trait of ["selected", "selected_run"]) listen(`change:${trait}`, take, gone);
    listen("change:scale", rescale, gone);
    listen("msg:custom", (/** @type {any} */ message) => message?.op === "measure" && reporter.report(chart.legs, true), gone);
    let drawnAt = -Infinity;
    const paint = painter(show, el, gone);
    const timer = setInterval(() => {
      if (!document.hidden && runs.sessions.some(({ over }) => !over)) paint();
    }, TICK_MS);
    gone.addEventListener("abort", () => clearInterval(timer));
    runs.subscribe(paint, gone);
    take();

    function show() {
      const now = performance.now();
      const running = runs.sessions.some(({ over }) => !over);
      if (running && now - drawnAt < PACE_MS) return; // the next tick makes up for it
      drawnAt = now;
      chart.draw();
      reporter.report(chart.legs);
    }
  }

  /** @param {number} run @param {number} seq */
  function onSelect(run, seq) {
    model.set("selected_run", run);
    model.set("selected", seq);
    model.save_changes();
  }

  /** @param {string} scale */
  function onScale(scale) {
    model.set("scale", scale);
    model.save_changes();
  }

  /** @param {string} event @param {(...args: any[]) => void} listener @param {AbortSignal} gone */
  function listen(event, listener, gone) {
    model.on(event, listener);
    gone.addEventListener("abort", () => model.off(event, listener));
  }
});
