import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { JSDOM } from "jsdom";
import { Bins } from "../src/latency/bins.js";
import { LatencyChart } from "../src/latency/chart.js";
import { legSpans, measureLegs } from "../src/latency/legs.js";
import { csv } from "../src/latency/save.js";
import { TimeScale, roomFor } from "../src/latency/scale.js";
import { Track } from "../src/latency/track.js";
import { StreamClock } from "../src/lib/clock.js";
import { initialState } from "../src/lib/state.js";
import { journal } from "./tools.js";

/** @import { StreamEvent } from "../src/lib/messages.js" */

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = ["document", "Node", "Event", "ResizeObserver"];
const own = Object.fromEntries(NAMES.map((name) => [name, browser[name]]));

beforeEach(() => {
  const { window } = new JSDOM("");
  class ResizeObserver {
    observe() {}
  }
  Object.assign(browser, { document: window.document, Node: window.Node, ResizeObserver });
});
afterEach(() => Object.assign(browser, own));

/** A session as far as a chart needs it, read over a link with known delays. @param {object} [given] */
function session(given = {}) {
  const events = journal(5);
  const clock = new StreamClock();
  clock.take({ asked: 9_900, at: 0, answered: 10_100 }); // the stream's zero is page time 10 ms, ± 0.1 ms
  return /** @type {any} */ ({
    label: "a", stream: "s", state: initialState(), over: true, events, clock, connected: [10_000], route: { transport: "ws" }, now: () => 9000, align() {},
    sent: events.map(({ at }) => at + 300),
    arrived: events.map(({ at }) => 10_000 + at + 1000),
    painted: events.map(({ at }) => 10_000 + at + 9000),
    ...given,
  });
}
const seqs = [1, 2, 3, 4, 5];

test("what a chunk needed after it was read is gateway, link and paint, and the bar goes on to the paint of the end", () => {
  const legs = measureLegs(session(), seqs);
  assert.deepEqual(legs.last, { gateway: 300, link: 700, paint: 8000 });
  assert.deepEqual(legs.chunks.link, { median: 700, p95: null, n: 5 });
  assert.equal(legs.uncertainty, 100);
  assert.deepEqual(legSpans(legs, 6000), [
    { phase: "gateway", start: 6000, end: 6300 },
    { phase: "link", start: 6300, end: 7000 },
    { phase: "paint", start: 7000, end: 15_000 },
  ]);
});

test("what was read before the page was connected waited for the page, and is not the gateway's", () => {
  const legs = measureLegs(session({ connected: [13_500] }), seqs);
  assert.equal(legs.chunks.gateway.n, 2);
  const late = measureLegs(session({ connected: [0, 50_000], arrived: [0, 0, 0, 0, 0, 0, 60_000] }), seqs);
  assert.equal(late.last.gateway, null);
  assert.match(late.why.gateway, /before this page was connected/);
});

test("a leg that cannot be measured says why, and nothing behind it has a place", () => {
  const none = [NaN, NaN, NaN, NaN, NaN, NaN, NaN];
  const comm = measureLegs(session({ route: { transport: "comm" }, sent: none, clock: new StreamClock() }), seqs);
  assert.deepEqual(comm.last, { gateway: null, link: null, paint: 8000 });
  assert.match(comm.why.gateway, /no clock/);
  assert.deepEqual(legSpans(comm, 6000), []);
  assert.match(measureLegs(session({ route: null, clock: new StreamClock() }), seqs).why.link, /from a file/);
  assert.match(measureLegs(session({ painted: none }), seqs).why.paint, /hidden/);
});

test("the quickest round trip sets the clock", () => {
  const clock = new StreamClock();
  clock.take({ asked: 0, at: 40, answered: 100 });
  clock.take({ asked: 1000, at: 1005, answered: 1010 });
  clock.take({ asked: 2000, at: 2900, answered: 3000 });
  assert.deepEqual([clock.zero, clock.uncertainty], [0, 5]);
});

test("however many chunks, the bins are few, keep every character, and the first chunk's instant", () => {
  const bins = new Bins();
  for (let i = 0; i < 50_000; i++) bins.take(i * 997, 3, i % 2 === 0);
  assert.ok(bins.list.length <= 1024 && bins.list.length > 256, String(bins.list.length));
  assert.equal(bins.list.reduce((sum, { answer, thought }) => sum + answer + thought, 0), 150_000);
  assert.equal(bins.list.at(-1)?.total, 150_000);
  assert.equal(bins.list[0].at, 0);
});

test("lines that grow are those that are drawn at once", () => {
  const events = Array.from({ length: 3000 }, (_, i) => ({ type: i % 3 ? "text" : "reasoning", seq: i, at: 700 * i, delta: "ab" }));
  const time = new TimeScale("linear", 3_000_000, 0, 400);
  const pen = {
    begin: () => ({ path: "" }),
    take: (/** @type {{path: string}} */ state, /** @type {any} */ bin) => void (state.path += `${bin.at}:${bin.answer} `),
    finish: (/** @type {{path: string}} */ { path }) => path,
  };
  const [slow, whole] = [new Track(), new Track()];
  for (let n = 0; n <= events.length; n += 50) {
    slow.take(events.slice(0, n));
    slow.paths.answer.path(time.key, slow.bins, pen);
  }
  whole.take(events);
  assert.equal(slow.paths.answer.path(time.key, slow.bins, pen), whole.paths.answer.path(time.key, whole.bins, pen));
});

for (const name of /** @type {const} */ (["linear", "log"])) {
  test(`a ${name} scale finds the instant at a pixel again`, () => {
    const time = new TimeScale(name, 14_000_000, 40, 900);
    for (const us of [2000, 412_000, 13_999_000]) assert.ok(Math.abs(time.at(time.x(us)) - us) < 1);
    assert.deepEqual([time.x(0), time.x(14_000_000)], [40, 940]);
    assert.ok(time.ticks().every((us) => us >= 0 && us <= 14_000_000));
  });
}

test("an axis grows by round figures", () => {
  assert.deepEqual([1, 12, 101, 1_700_000, 9_000_000].map(roomFor), [1, 15, 150, 2_000_000, 10_000_000]);
});

/** @param {LatencyChart} chart */
function parts(chart) {
  const svg = /** @type {SVGSVGElement} */ (chart.root.querySelector("svg"));
  return {
    svg,
    readout: () => chart.root.querySelector(".tw-l-readout")?.textContent,
    titles: () => [...svg.querySelectorAll("title")].map(({ textContent }) => textContent ?? ""),
    /** @param {string} key */
    press: (key) => svg.dispatchEvent(new (/** @type {any} */ (svg.ownerDocument.defaultView).KeyboardEvent)("keydown", { key })),
    cells: () => [...chart.root.querySelectorAll("tbody tr")].map((row) => [...row.children].map(({ textContent }) => textContent)),
  };
}

test("keys go from chunk to chunk, and Enter tells which", () => {
  /** @type {number[][]} */
  const selected = [];
  const chart = new LatencyChart([session()], { onSelect: (run, seq) => void selected.push([run, seq]) });
  const { press, readout, svg } = parts(chart);
  press("ArrowRight");
  assert.match(readout() ?? "", /^chunk 1 of 5 · at 1.0 ms · the first · 3 characters · read 1/);
  press("End");
  press("ArrowLeft");
  assert.match(svg.getAttribute("aria-valuetext") ?? "", /^chunk 4 of 5 · at 4.0 ms · gap 1.0 ms/);
  press("Enter");
  press("Escape");
  assert.deepEqual(selected, [[0, 4], [0, -1]]);
  chart.select(0, 3);
  assert.match(readout() ?? "", /^chunk 3 of 5/);
});

test("text of a model is text, also in the picture", () => {
  const events = /** @type {StreamEvent[]} */ (journal(1));
  events[1].delta = "<img src=x onerror=alert(1)>";
  const chart = new LatencyChart([session({ events, label: "<b>x</b>" }), session()]);
  parts(chart).press("Home");
  assert.equal(chart.root.querySelector("img, b"), null);
  assert.match(parts(chart).readout() ?? "", /<img src=x/);
});

test("the bar's titles add up to the total in the table, and the unknown says why", () => {
  const file = session({ route: null, sent: [], painted: [], clock: new StreamClock(), label: "file" });
  const chart = new LatencyChart([session(), file]);
  const { titles, cells } = parts(chart);
  assert.deepEqual(cells()[0], ["a", "–", "–", "–", "none", "4.0 ms", "1.0 ms", "0.30 ms", "0.70 ms", "8.0 ms", "15 ms"]);
  assert.deepEqual(cells()[1].slice(7), ["–", "–", "–", "6 ms"]);
  assert.ok(titles().some((title) => title.startsWith("not told apart 1.0 ms")));
  assert.ok(titles().some((title) => title.startsWith("gateway –") && title.includes("read from a file")));
});

test("a run can be hidden, but not the last one", () => {
  const chart = new LatencyChart([session(), session({ label: "b" })]);
  const { cells } = parts(chart);
  const [first, second] = /** @type {NodeListOf<HTMLButtonElement>} */ (chart.root.querySelectorAll(".tw-l-run"));
  first.click();
  assert.deepEqual(cells().map(([name]) => name), ["b", "b"]);
  second.click();
  assert.equal(cells().length, 2, "hiding the last one shows the other");
});

test("a stream that takes another's place begins anew", () => {
  const one = session();
  const chart = new LatencyChart([one]);
  Object.assign(one, session({ events: journal(2) }));
  chart.draw();
  assert.match(parts(chart).svg.getAttribute("aria-valuemax") ?? "", /^2$/);
});

test("the data are a row a chunk, without text, and no label becomes a formula", () => {
  const track = new Track();
  track.take(journal(2));
  const rows = csv([/** @type {any} */ ({ track, label: '=1+"2"' })]).split("\r\n");
  assert.deepEqual(rows, [
    "run,chunk,seq,kind,at_us,gap_us,characters,read",
    `"'=1+""2""",1,1,text,1000,,3,1`,
    `"'=1+""2""",2,2,text,2000,1000,3,2`,
    "",
  ]);
});
