import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { JSDOM } from "jsdom";
import { journal } from "./tools.js";

/** @import { StreamEvent } from "../src/lib/messages.js" */

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = ["window", "document", "location", "AbortController", "AbortSignal", "requestAnimationFrame", "cancelAnimationFrame"];
const own = Object.fromEntries(NAMES.map((name) => [name, browser[name]]));
/** @type {typeof import("../src/stream/index.js").default} */
let widget;
/** @type {AbortController[]} */
let controllers = [];

beforeEach(async () => {
  const { window } = new JSDOM("", { url: "http://localhost/" });
  for (const name of NAMES) browser[name] = /** @type {any} */ (window)[name];
  Object.assign(browser, { window, requestAnimationFrame: () => 0, cancelAnimationFrame() {} }); // frames do not come: a hidden page
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  widget = (await import("../src/stream/index.js")).default;
});
afterEach(() => {
  for (const controller of controllers) controller.abort();
  controllers = [];
  mock.timers.reset();
  Object.assign(browser, own);
});

/** Let timers and promises go on for so long. @param {number} ms */
async function pass(ms) {
  for (let left = ms; left >= 0; left -= 50) {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    mock.timers.tick(50);
  }
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

/** A widget with its kernel. @param {object} traits */
function start(traits = {}) {
  /** @type {Record<string, any>} */
  const state = { stream: "s", model: "sim/steady", transport: "auto", place: "kernel", ended: -1, error: "", ...traits };
  /** @type {Record<string, ((...args: any[]) => void)[]>} */
  const handlers = {};
  /** @type {any[]} */
  const sent = [];
  /** @type {any[]} */
  const shown = [];
  const model = /** @type {any} */ ({
    get: (/** @type {string} */ name) => state[name],
    on: (/** @type {string} */ name, /** @type {() => void} */ f) => void (handlers[name] ??= []).push(f),
    send: (/** @type {any} */ message) => void (message.op === "shown" ? shown.push(message) : sent.push(message)),
  });
  const { initialize, render } = widget();
  initialize({ model, signal: controller().signal, experimental: /** @type {any} */ ({}) });
  return {
    sent,
    shown,
    /** @param {string} name @param {any} value */
    set(name, value) {
      state[name] = value;
      for (const f of handlers[`change:${name}`] ?? []) f();
    },
    /** @param {any} message */
    say(message) {
      for (const f of handlers["msg:custom"]) f(message, []);
    },
    view() {
      const el = document.createElement("div");
      document.body.append(el);
      const leaving = controller();
      render({ model, el, signal: leaving.signal, host: /** @type {any} */ ({}), experimental: /** @type {any} */ ({}) });
      return { el, leaving, part: (/** @type {string} */ name) => /** @type {HTMLElement} */ (el.querySelector(name)) };
    },
  };
}

function controller() {
  const made = new AbortController();
  controllers.push(made);
  return made;
}

/** @param {...object} events */
const numbered = (...events) => events.map((event, seq) => /** @type {StreamEvent} */ ({ seq, at: seq * 100_000, ...event }));

test("an answer comes in, with its figures, whatever it looks like", async () => {
  const { say, view, sent } = start();
  const { part } = view();
  await pass(0);
  assert.deepEqual(sent, [
    { op: "attached", stream: "s", transport: "comm", why: "the kernel holds this stream, no server does", tried: [] },
    { op: "attach", stream: "s", after: -1 },
  ]);
  const evil = "<img src=x onerror=alert(1)> & <b>bold</b>\n";
  const events = numbered(
    { type: "start", model: "sim/steady", simulated: true },
    { type: "text", block: 0, delta: evil },
    { type: "text", block: 0, delta: "the end" },
    { type: "usage", output: 3 },
    { type: "end", reason: "stop" },
  );
  say({ stream: "s", events: events.slice(0, 2) });
  await pass(600);
  assert.equal(part(".tw-text").textContent, evil);
  assert.equal(part(".tw-text").querySelector("img, b"), null);
  assert.equal(part(".tw-word").textContent, "answering");
  assert.equal(part(".tw-tag").textContent, "simulated");
  assert.equal(part(".tw-badge").title, "comm: the kernel holds this stream, no server does");
  say({ stream: "s", events: events.slice(2) });
  await pass(600);
  assert.equal(part(".tw-text").textContent, `${evil}the end`);
  assert.equal(part(".tw-word").textContent, "done");
  assert.equal(part(".tw-line").textContent, "first token 100 ms · 20 tok/s · 3 tok · 0.40 s");
  assert.equal(part("button").hidden, true);
});

test("what a busy kernel may not have heard is said again, until it answers or for some seconds", async () => {
  const { say, view, sent } = start();
  const count = (/** @type {string} */ name) => sent.filter(({ op }) => op === name).length;
  view();
  await pass(0);
  assert.equal(count("attach"), 1);
  await pass(900);
  assert.equal(count("attach"), 3);
  say({ stream: "s", events: journal(3).slice(0, 2) });
  await pass(20_000);
  assert.equal(count("attach"), 3);
  assert.equal(count("attached"), 6);
});

test("stop works before there is a stream, says so at once, and reaches the stream when it is there", async () => {
  const { set, view, sent } = start({ stream: "" });
  const { part } = view();
  part("button").click();
  await pass(600);
  const button = /** @type {HTMLButtonElement} */ (part("button"));
  assert.deepEqual([button.textContent, button.disabled], ["Stopping…", true]);
  assert.deepEqual(sent, [{ op: "stop", stream: "" }]);
  set("stream", "s");
  await pass(100);
  assert.ok(sent.some(({ op, stream }) => op === "stop" && stream === "s"));
});

test("Esc inside the card stops, and the card tells at which token", async () => {
  const { say, view, sent } = start();
  const { part } = view();
  await pass(0);
  say({ stream: "s", events: journal(3).slice(0, 4) });
  await pass(600);
  part("button").dispatchEvent(new window.KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  await pass(0);
  assert.deepEqual(sent.filter(({ op }) => op === "stop"), [{ op: "stop", stream: "s" }]);
  say({ stream: "s", events: [{ type: "end", seq: 4, at: 5000, reason: "cancelled" }] });
  await pass(600);
  assert.equal(part(".tw-word").textContent, "stopped at token ~3");
});

test("while a provider is overloaded the seconds to the next attempt count down, and Stop works", async () => {
  const { say, view, sent } = start();
  const { part } = view();
  await pass(0);
  const retry = { type: "notice", seq: 1, at: 0, kind: "retry", data: { attempt: 2, of: 3, wait: 7, code: "overloaded", message: "Busy." } };
  const note = () => part(".tw-note").textContent;
  const now = mock.method(performance, "now", () => 1_000);
  say({ stream: "s", events: [...numbered({ type: "start", host: "openai", model: "openai/gpt-5.2" }), retry] });
  await pass(600);
  assert.equal(note(), "openai is overloaded: trying again in 7 s (2 of 3)");
  const said = part(".tw-live").textContent;
  assert.equal(said, note());
  Object.defineProperty(document, "hidden", { value: false });
  now.mock.mockImplementation(() => 4_500);
  await pass(600);
  assert.equal(note(), "openai is overloaded: trying again in 4 s (2 of 3)");
  assert.equal(part(".tw-live").textContent, said, "a screen reader is told once");
  assert.ok(part(".tw-card").hasAttribute("data-retrying"));
  assert.equal(part(".tw-word").textContent, "waiting 3.5 s");
  now.mock.mockImplementation(() => 9_000);
  await pass(600);
  assert.equal(note(), "openai is overloaded: trying again now (2 of 3)");
  part("button").click();
  await pass(0);
  assert.deepEqual(sent.at(-1), { op: "stop", stream: "s" });
});

test("once the next attempt has begun the figures tell of it and the note is gone", async () => {
  const { say, view } = start();
  const { part } = view();
  await pass(0);
  const notice = (/** @type {string} */ kind, /** @type {object} */ data) => ({ type: "notice", kind, data });
  const events = numbered(
    { type: "start", host: "openai", model: "openai/gpt-5.2" },
    notice("retry", { attempt: 2, of: 3, wait: 0.1, code: "connection", message: "Broken." }),
    notice("connection", { sent: 200_000 }),
    { type: "text", block: 0, delta: "Yes." },
    { type: "usage", output: 1 },
    { type: "end", reason: "stop" },
  );
  say({ stream: "s", events: events.slice(0, 3) });
  await pass(600);
  assert.deepEqual([part(".tw-note").hidden, part(".tw-card").hasAttribute("data-retrying")], [true, false]);
  say({ stream: "s", events: events.slice(3) });
  await pass(600);
  assert.equal(part(".tw-line").textContent, "first token 300 ms · 1 tok · 0.50 s · 1 retry");
});

test("after a stop the card tells what it does to the bill", async () => {
  const { say, view } = start();
  const { part } = view();
  await pass(0);
  const end = { type: "end", reason: "cancelled", cancel_stops_billing: "unknown" };
  say({ stream: "s", events: numbered({ type: "start", host: "openai", model: "openai/gpt-5.2" }, { type: "text", block: 0, delta: "Yes" }, end) });
  await pass(600);
  assert.equal(part(".tw-word").textContent, "stopped at token ~1");
  assert.equal(part(".tw-note").textContent, "The connection to openai was closed; whether that stops the bill is not documented.");
});

test("a stop that brings no end can be asked for again", async () => {
  const { say, view } = start();
  const { part } = view();
  await pass(0);
  say({ stream: "s", events: journal(3).slice(0, 2) });
  part("button").click();
  await pass(6000);
  assert.equal(part("button").textContent, "Stop");
});

test("every view shows all of it, also one that comes late, and reads once", async () => {
  const { say, view, sent } = start();
  const first = view();
  await pass(0);
  say({ stream: "s", events: journal(3).slice(0, 3) });
  const second = view();
  first.leaving.abort();
  say({ stream: "s", events: journal(3).slice(3) });
  await pass(600);
  assert.equal(second.part(".tw-text").textContent, "w0 w1 w2 ");
  assert.equal(sent.filter(({ op }) => op === "attach").length, 1);
});

test("with no view left it stops reading, and a new view goes on from there", async () => {
  const { say, view, sent } = start();
  const first = view();
  await pass(0);
  say({ stream: "s", events: journal(3).slice(0, 3) });
  first.leaving.abort();
  await pass(6000);
  assert.deepEqual(sent.slice(-2), [{ op: "left" }, { op: "detach", stream: "s" }]);
  const second = view();
  await pass(100);
  assert.deepEqual(sent.at(-1), { op: "attach", stream: "s", after: 2 });
  say({ stream: "s", events: journal(3).slice(3) });
  await pass(600);
  assert.equal(second.part(".tw-text").textContent, "w0 w1 w2 ");
});

test("when the kernel knows of an end that the comm lost, it is fetched", async () => {
  const { say, set, view, sent } = start();
  view();
  await pass(0);
  say({ stream: "s", events: journal(3).slice(0, 2) });
  set("ended", 4);
  await pass(3000);
  assert.deepEqual(sent.at(-1), { op: "attach", stream: "s", after: 1 });
});

test("a start that was refused, a stream that is gone and one that failed are each one sentence", async () => {
  const refused = start({ stream: "", error: "There is no host 'nowhere': see tw.hosts()." });
  assert.equal(refused.view().part(".tw-note").textContent, "failed: There is no host 'nowhere': see tw.hosts().");

  const gone = start();
  const { part } = gone.view();
  await pass(0);
  gone.say({ op: "refused", stream: "s", error: { code: "not_found", message: "The server keeps no such stream." } });
  await pass(600);
  assert.deepEqual([part(".tw-word").textContent, part(".tw-note").textContent], ["failed", "failed: The server keeps no such stream."]);

  const cut = start();
  const shown = cut.view();
  await pass(0);
  cut.say({ stream: "s", events: numbered({ type: "start", model: "m" }, { type: "text", block: 0, delta: "half" }, { type: "end", reason: "truncated" }) });
  await pass(600);
  assert.equal(shown.part(".tw-note").textContent, "cut off: the connection ended without the provider's end marker");
  assert.equal(shown.part(".tw-text").textContent, "half");
});

test("reasoning is folded apart from the answer, with its time and tokens", async () => {
  const { say, view } = start();
  const { part } = view();
  await pass(0);
  const thoughts = Array.from({ length: 5 }, () => ({ type: "reasoning", block: 0, delta: "hm " }));
  say({ stream: "s", events: numbered({ type: "start", model: "m" }, ...thoughts, { type: "text", block: 1, delta: "Yes." }, { type: "end", reason: "stop" }) });
  await pass(600);
  const fold = /** @type {HTMLDetailsElement} */ (part("details"));
  assert.deepEqual([fold.open, part("summary").textContent], [false, "Reasoning, 400 ms, ~5 tokens"]);
  assert.equal(part(".tw-text").textContent, "Yes.");
  assert.equal(part(".tw-thoughts").textContent, "hm hm hm hm hm ");
});

test("a screen reader hears sentences, not tokens, and how it ended", async () => {
  const { say, view } = start();
  const { part } = view();
  await pass(0);
  const words = ["It ", "is ", "blue. ", "And ", "why"].map((delta) => ({ type: "text", block: 0, delta }));
  const events = numbered({ type: "start", model: "m" }, ...words, { type: "end", reason: "stop" });
  say({ stream: "s", events: events.slice(0, 3) });
  await pass(600);
  assert.equal(part(".tw-live").textContent, "");
  say({ stream: "s", events: events.slice(3, 6) });
  await pass(600);
  assert.equal(part(".tw-live").textContent, "It is blue.");
  say({ stream: "s", events: events.slice(6) });
  await pass(600);
  assert.equal(part(".tw-live").textContent, "And why done");
});

test("another stream in the same widget begins on an empty card", async () => {
  const { say, set, view } = start();
  const { part } = view();
  await pass(0);
  say({ stream: "s", events: journal(3) });
  await pass(600);
  set("stream", "t");
  await pass(600);
  assert.deepEqual([part(".tw-text").textContent, part("button").hidden], ["", false]);
  say({ stream: "t", events: journal(1) });
  await pass(600);
  assert.equal(part(".tw-text").textContent, "w0 ");
});
