import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { JSDOM } from "jsdom";
import { IntersectionObserver, journal } from "./tools.js";

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = ["window", "document", "location", "AbortController", "AbortSignal", "requestAnimationFrame", "cancelAnimationFrame"];
const own = Object.fromEntries(NAMES.map((name) => [name, browser[name]]));
/** @type {typeof import("../src/race/index.js").default} */
let widget;
/** @type {AbortController[]} */
let controllers = [];

beforeEach(async () => {
  const { window } = new JSDOM("", { url: "http://localhost/", pretendToBeVisual: true });
  for (const name of NAMES) browser[name] = /** @type {any} */ (window)[name];
  Object.assign(browser, { window, IntersectionObserver, requestAnimationFrame: () => 0, cancelAnimationFrame() {} });
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  widget = (await import("../src/race/index.js")).default;
});
afterEach(() => {
  for (const controller of controllers) controller.abort();
  controllers = [];
  mock.timers.reset();
  Object.assign(browser, own);
});

/** @param {number} ms */
async function pass(ms) {
  for (let left = ms; left >= 0; left -= 50) {
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    mock.timers.tick(50);
  }
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}

/** A race of these runs, seen. @param {object[]} runs @param {object} traits */
function race(runs, traits = {}) {
  /** @type {Record<string, any>} */
  const state = {
    runs: runs.map((run) => ({ stream: "s", model: "sim/steady", transport: "comm", place: "kernel", ended: -1, error: "", only: true, failure: "", ...run })),
    rows: runs.map((_, i) => i),
    seed: 0, verdict: "", arrivals: [],
    ...traits,
  };
  /** @type {Record<string, ((...args: any[]) => void)[]>} */
  const handlers = {};
  /** @type {any[]} */
  const sent = [];
  const model = /** @type {any} */ ({
    get: (/** @type {string} */ name) => state[name],
    on: (/** @type {string} */ name, /** @type {() => void} */ f) => void (handlers[name] ??= []).push(f),
    send: (/** @type {any} */ message) => void sent.push(message),
  });
  const controller = new AbortController();
  controllers.push(controller);
  const { initialize, render } = widget();
  initialize({ model, signal: controller.signal, experimental: /** @type {any} */ ({}) });
  const el = document.createElement("div");
  document.body.append(el);
  render({ model, el, signal: controller.signal, host: /** @type {any} */ ({}), experimental: /** @type {any} */ ({}) });
  const texts = (/** @type {string} */ name) => [...el.querySelectorAll(name)].map((found) => found.textContent);
  return {
    sent, texts,
    all: (/** @type {string} */ name) => /** @type {HTMLElement[]} */ ([...el.querySelectorAll(name)]),
    /** @param {string} op */
    ops: (op) => sent.filter((message) => message.op === op),
    /** @param {any} message */
    say(message) {
      for (const f of handlers["msg:custom"]) f(message, []);
    },
    /** @param {string} name @param {any} value */
    set(name, value) {
      state[name] = value;
      for (const f of handlers[`change:${name}`] ?? []) f();
    },
  };
}

const TWO = [{ label: "comm" }, { label: "WebSocket", transport: "ws" }];

test("a transport that cannot be had fails in its row, is no other one in disguise, and leaves the others", async () => {
  const { say, texts, ops } = race(TWO);
  await pass(0);
  say({ stream: "s", events: journal(20) });
  await pass(1000);
  assert.deepEqual(texts(".tw-race-state"), ["done", "failed"]);
  assert.match(texts(".tw-race-tail")[1] ?? "", /^no WebSocket: the kernel holds this stream/);
  assert.equal(texts(".tw-race-standing")[1], "not compared");
  const [{ runs }] = ops("arrivals");
  assert.equal(runs[0].arrived.length, 22);
  assert.deepEqual([runs[0].failure, runs[1].arrived.length], ["", 0]);
  assert.match(runs[1].failure, /no WebSocket/);
});

test("a reader of a shared stream leaves it; only Stop all ends it", async () => {
  const { all, ops, say, texts } = race([{ label: "one" }, { label: "two" }]);
  await pass(0);
  say({ stream: "s", events: journal(20).slice(0, 5) });
  await pass(500);
  const [first] = all(".tw-race-act button");
  assert.equal(first.textContent, "Leave");
  first.click();
  await pass(1000);
  assert.deepEqual(texts(".tw-race-state"), ["left", "answering"]);
  assert.equal(ops("stop").length, 0);
  all(".tw-race-head button")[0].click();
  await pass(0);
  assert.deepEqual(ops("stop"), [{ op: "stop", stream: "s" }]);
});

test("lanes of their own streams are stopped one by one, and Escape stops all", async () => {
  const { all, ops } = race([{ label: "a", stream: "a", model: "m/a" }, { label: "b", stream: "b", model: "m/b" }]);
  await pass(0);
  const [first] = all(".tw-race-act button");
  assert.equal(first.textContent, "Stop");
  first.click();
  await pass(0);
  assert.deepEqual(ops("stop").map(({ stream }) => stream), ["a"]);
  all(".tw-race")[0].dispatchEvent(new /** @type {any} */ (window).KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  await pass(0);
  assert.deepEqual(new Set(ops("stop").map(({ stream }) => stream)), new Set(["a", "b"]));
});

test("a lane's whole text opens below, as text, and arrows move between lanes", async () => {
  const { all, say, texts } = race([{ label: "one" }, { label: "two" }]);
  const evil = "<img src=x onerror=alert(1)>";
  await pass(0);
  say({ stream: "s", events: [...journal(1).slice(0, 1), { type: "text", seq: 1, at: 1, block: 0, delta: evil }] });
  await pass(500);
  const names = all(".tw-race-name");
  names[0].focus();
  names[0].dispatchEvent(new /** @type {any} */ (window).KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
  assert.equal(document.activeElement, names[1]);
  names[1].click();
  assert.deepEqual(texts(".tw-race-caption"), ["two"]);
  assert.deepEqual(texts(".tw-race-text"), [evil]);
  assert.equal(all(".tw-race-full")[0].ariaLabel, "Text of two");
  assert.equal(all("img").length, 0);
  names[1].click();
  assert.equal(all(".tw-race-full")[0].hidden, true);
});

test("rows stand in the order asked for, whatever order they attach in, and what was kept is shown again", async () => {
  const { say, texts, set } = race([{ label: "attached first" }, { label: "asked first" }], { rows: [1, 0], seed: 1 });
  await pass(0);
  say({ stream: "s", events: journal(4) });
  await pass(500);
  assert.deepEqual(texts(".tw-race-label"), ["asked first", "attached first"]);
  assert.match(texts(".tw-race-fairness")[0] ?? "", /in the order attached first, asked first \(seed 1\)/);
  set("arrivals", [[0, 1000, 2000, 3000, 4000, 5000], [0, 1500, 2500, 3500, 4500, 5500]]);
  set("verdict", "attached first was ahead.");
  await pass(1000);
  assert.deepEqual(texts(".tw-race-standing"), ["0.50 ms behind", "leads by 0.50 ms"]);
  assert.deepEqual(texts(".tw-race-verdict"), ["attached first was ahead."]);
});
