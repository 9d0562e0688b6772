import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { JSDOM } from "jsdom";
import { IntersectionObserver, journal } from "./tools.js";

/** @import { StreamEvent } from "../src/lib/messages.js" */

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = ["window", "document", "location", "Node", "AbortController", "AbortSignal", "requestAnimationFrame", "cancelAnimationFrame"];
const own = Object.fromEntries(NAMES.map((name) => [name, browser[name]]));
/** @type {typeof import("../src/stream/index.js").default} */
let widget;
/** @type {AbortController[]} */
let controllers = [];

beforeEach(async () => {
  const { window } = new JSDOM("", { url: "http://localhost/" });
  for (const name of NAMES) browser[name] = /** @type {any} */ (window)[name];
  Object.assign(browser, { window, IntersectionObserver, requestAnimationFrame: () => 0, cancelAnimationFrame() {} }); // frames do not come: a hidden page
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
  const run = { stream: "s", model: "sim/steady", transport: "auto", place: "kernel", ended: -1, error: "", ...traits };
  /** @type {Record<string, any>} */
  const state = { format: "markdown", version: 0, runs: [run], ...traits };
  /** @type {Record<string, ((...args: any[]) => void)[]>} */
  const handlers = {};
  /** @type {any[]} */
  const sent = [];
  /** @type {any[]} */
  const shown = [];
  const model = /** @type {any} */ ({
    get: (/** @type {string} */ name) => state[name],
    set: (/** @type {string} */ name, /** @type {any} */ value) => change(name, value),
    save_changes() {},
    on: (/** @type {string} */ name, /** @type {() => void} */ f) => void (handlers[name] ??= []).push(f),
    off: (/** @type {string} */ name, /** @type {() => void} */ f) => void (handlers[name] = handlers[name].filter((g) => g !== f)),
    send: (/** @type {any} */ message) => void (message.op === "shown" ? shown.push(message) : sent.push(message)),
  });
  const { initialize, render } = widget();
  initialize({ model, signal: controller().signal, experimental: /** @type {any} */ ({}) });
  return {
    sent,
    shown,
    /** Change the first answer. @param {string} name @param {any} value */
    set(name, value) {
      change("runs", [{ ...state.runs[0], [name]: value }, ...state.runs.slice(1)]);
    },
    /** A further answer. @param {object} more */
    add(more) {
      change("runs", [...state.runs, { ...run, ...more }]);
      change("version", state.runs.length - 1);
    },
    /** Answer the last question of its name. @param {string} op @param {object} answer */
    answer(op, answer) {
      const { ask } = sent.findLast((message) => message.op === op && message.ask);
      for (const f of handlers["msg:custom"]) f({ answer: ask, ...answer }, []);
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

  /** @param {string} name @param {any} value */
  function change(name, value) {
    state[name] = value;
    for (const f of handlers[`change:${name}`] ?? []) f();
  }
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
    { op: "attached", stream: "s", wanted: "auto", transport: "comm", why: "the kernel holds this stream, no server does", tried: [] },
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
  assert.equal(part(".tw-text").textContent, evil.trim());
  assert.equal(part(".tw-text").querySelector("img, b"), null);
  assert.equal(part(".tw-word").textContent, "answering");
  assert.equal(part(".tw-tag").textContent, "simulated");
  assert.equal(part(".tw-badge").title, "comm: the kernel holds this stream, no server does");
  say({ stream: "s", events: events.slice(2) });
  await pass(600);
  assert.equal(part(".tw-text").textContent, `${evil}the end`);
  assert.equal(part(".tw-word").textContent, "done");
  assert.equal(part(".tw-line").textContent, "first token 100 ms · 20 tok/s · 3 tok · 0.40 s");
  assert.equal(part(".tw-stop").hidden, true);
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
  part(".tw-stop").click();
  await pass(600);
  const button = /** @type {HTMLButtonElement} */ (part(".tw-stop"));
  assert.deepEqual([button.textContent, button.ariaDisabled], ["Stopping…", "true"]);
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
  part(".tw-stop").dispatchEvent(new window.KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
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
  part(".tw-stop").click();
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
  part(".tw-stop").click();
  await pass(6000);
  assert.equal(part(".tw-stop").textContent, "Stop");
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
  assert.equal(second.part(".tw-text").textContent, "w0 w1 w2");
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
  assert.equal(second.part(".tw-text").textContent, "w0 w1 w2");
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
  assert.equal(refused.view().part(".tw-verdict").textContent, "Failed: There is no host 'nowhere': see tw.hosts().");

  const gone = start();
  const { part } = gone.view();
  await pass(0);
  gone.say({ op: "refused", stream: "s", error: { code: "not_found", message: "The server keeps no such stream." } });
  await pass(600);
  assert.deepEqual([part(".tw-word").textContent, part(".tw-verdict").textContent], ["failed", "Failed: The server keeps no such stream."]);

  const cut = start();
  const shown = cut.view();
  await pass(0);
  cut.say({ stream: "s", events: numbered({ type: "start", model: "m" }, { type: "text", block: 0, delta: "half" }, { type: "end", reason: "truncated" }) });
  await pass(600);
  assert.equal(shown.part(".tw-verdict").textContent, "Cut off: the connection ended without the provider's end marker");
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
  assert.equal(part(".tw-thoughts").textContent, "hm hm hm hm hm");
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
  assert.deepEqual([part(".tw-text").textContent, part(".tw-stop").hidden], ["", false]);
  say({ stream: "t", events: journal(1) });
  await pass(600);
  assert.equal(part(".tw-text").textContent, "w0");
});

const MAY = { retry: "", continue: "The model finished its answer.", code: "" };

/** A finished answer, with what the kernel offers. @param {object} [offers] @param {object[]} [events] @param {object} [traits] */
async function finished(offers = MAY, events = [{ type: "text", block: 0, delta: "Blue **sky**." }, { type: "end", reason: "stop" }], traits = {}) {
  const kernel = start(traits);
  const shown = kernel.view();
  await pass(0);
  kernel.say({ stream: "s", events: numbered({ type: "start", host: "openai", model: "openai/gpt-5.2" }, ...events) });
  await pass(600);
  kernel.answer("offers", offers);
  await pass(600);
  return { ...kernel, ...shown };
}

/** @param {HTMLElement} control */
const usable = (control) => !control.hidden && control.ariaDisabled !== "true";

test("after the end there is Copy where Stop was, and Retry", async () => {
  const { part } = await finished();
  assert.deepEqual([".tw-stop", ".tw-copy", ".tw-retry", ".tw-continue"].map((name) => usable(part(`.tw-end > ${name}`))), [false, true, true, false]);
});

test("Continue is there only where there is something to go on with", async () => {
  const { part, sent } = await finished({ ...MAY, continue: "" }, [{ type: "text", block: 0, delta: "Blu" }, { type: "end", reason: "length" }]);
  assert.equal(part(".tw-word").textContent, "done, at the token limit");
  assert.match(part(".tw-verdict").textContent ?? "", /^Token limit: /);
  part(".tw-end > .tw-continue").click();
  assert.deepEqual([sent.at(-1).op, sent.at(-1).version], ["continue", 0]);
});

test("what cannot be done says why, and does nothing", async () => {
  const { part, sent } = await finished({ ...MAY, retry: "What was asked is not known here." });
  const retry = part(".tw-end > .tw-retry");
  assert.deepEqual([usable(retry), retry.title], [false, "What was asked is not known here."]);
  retry.click();
  assert.ok(!sent.some(({ op }) => op === "retry"));
});

test("a kernel that does not answer is told, and Copy works without it", async () => {
  const { say, view } = start();
  const { part } = view();
  await pass(0);
  say({ stream: "s", events: journal(2) });
  await pass(4000);
  const retry = part(".tw-end > .tw-retry");
  assert.deepEqual([usable(retry), retry.title], [false, "The kernel does not answer: it is busy, or gone."]);
  /** @type {string[]} */
  const copied = [];
  document.execCommand = () => copied.push(/** @type {HTMLTextAreaElement} */ (document.activeElement).value) > 0;
  part(".tw-end > .tw-copy").click();
  await pass(0);
  assert.deepEqual([copied, part(".tw-end > .tw-copy").textContent], [["w0 w1 "], "Copied"]);
});

test("Retry keeps the earlier answer, a step away", async () => {
  const { add, say, part } = await finished();
  add({ stream: "t" });
  await pass(600);
  say({ stream: "t", events: journal(2) });
  await pass(600);
  assert.deepEqual([part(".tw-text").textContent, part(".tw-versions").textContent], ["w0 w1", "‹2/2›"]);
  part(".tw-step").click();
  await pass(600);
  assert.deepEqual([part(".tw-text").textContent, part(".tw-versions").textContent], ["Blue sky.", "‹1/2›"]);
});

test("what was continued stands above its continuation", async () => {
  const { add, say, part } = await finished({ ...MAY, continue: "" }, [{ type: "text", block: 0, delta: "Blu" }, { type: "end", reason: "length" }]);
  add({ stream: "t", continues: 0 });
  await pass(600);
  say({ stream: "t", events: journal(1) });
  await pass(600);
  assert.equal(part(".tw-body").textContent, "BluContinuedw0");
});

test("where the recording was written is told", async () => {
  const { part, answer, sent } = await finished();
  part(".tw-menu .tw-save").click();
  assert.equal(sent.at(-1).op, "save");
  answer("save", { name: "a.jsonl", folder: "/home/x" });
  await pass(100);
  assert.equal(part(".tw-said").textContent, "Saved as a.jsonl in /home/x.");
});

test("the call is shown as programs, and put away again", async () => {
  const { part, answer } = await finished();
  part(".tw-menu .tw-code").click();
  answer("code", { programs: { "python-httpx": "import os\n", curl: "curl -N x\n" } });
  await pass(100);
  assert.equal(part(".tw-programs .tw-md-info").textContent, "python httpx");
  assert.match(part(".tw-programs").textContent ?? "", /import os.*curl -N x/s);
  part(".tw-programs > .tw-button").click();
  assert.equal(part(".tw-programs").textContent, "");
});

test("a refusal, and an end by a filter, are said in a bold word", async () => {
  const { part } = await finished(MAY, [{ type: "refusal", block: 0, delta: "I cannot." }, { type: "end", reason: "refusal" }]);
  assert.deepEqual([part(".tw-refusal .tw-label").textContent, part(".tw-verdict strong").textContent], ["Refusal", "Refused: "]);
});

test("a tool call forms, and its arguments are laid out with the digits they had", async () => {
  const { say, view } = start();
  const { part } = view();
  await pass(0);
  const call = [{ type: "tool", block: 0, id: "c", name: "pay" }, { type: "tool", block: 0, delta: '{"sum": 1.10,' }, { type: "tool", block: 0, delta: '"to":["a"]}' }];
  const events = numbered({ type: "start", model: "m" }, ...call, { type: "tool", block: 0, done: true, arguments: {} }, { type: "end", reason: "tool" });
  say({ stream: "s", events: events.slice(0, 3) });
  await pass(600);
  assert.deepEqual([part(".tw-name").textContent, part(".tw-tool pre").textContent], ["pay", '{"sum": 1.10,']);
  say({ stream: "s", events: events.slice(3) });
  await pass(600);
  assert.equal(part(".tw-tool pre").textContent, '{\n  "sum": 1.10,\n  "to": [\n    "a"\n  ]\n}');
});

test("text that was asked for as text keeps its marks", async () => {
  const { part } = await finished(MAY, undefined, { format: "text" });
  assert.equal(part(".tw-text").textContent, "Blue **sky**.");
});

test("an answer in JSON is laid out once it is some", async () => {
  const { part } = await finished(MAY, [{ type: "text", block: 0, delta: '```json\n{"a":[]}\n```' }, { type: "end", reason: "stop" }], { format: "json" });
  assert.equal(part(".tw-text pre").textContent, '{\n  "a": []\n}');
});

test("sources and tools of the provider's stand below the answer", async () => {
  const cited = { type: "notice", kind: "citation", data: { annotations: [{ url: "https://example.org/a", title: "A page" }, { url: "javascript:x" }] } };
  const ran = { type: "notice", kind: "server_tool", data: { block: 1, name: "web_search" } };
  const { part, el } = await finished(MAY, [cited, ran, { type: "text", block: 0, delta: "x" }, { type: "end", reason: "stop" }]);
  assert.equal(part(".tw-asides").textContent, "Sources: A pageUsed at the provider: web_search");
  assert.deepEqual([...el.querySelectorAll("a")].map((link) => link.getAttribute("href")), ["https://example.org/a"]);
});

test("the model that answers is named where it is another", async () => {
  const served = (/** @type {string} */ model) => [{ type: "notice", kind: "served", data: { model } }, { type: "end", reason: "stop" }];
  assert.equal((await finished(MAY, served("gpt-5.2"))).part(".tw-model").textContent, "openai/gpt-5.2");
  assert.equal((await finished(MAY, served("gpt-5.2-mini"))).part(".tw-model").textContent, "openai/gpt-5.2, answered by gpt-5.2-mini");
});
