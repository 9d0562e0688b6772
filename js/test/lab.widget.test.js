import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { JSDOM } from "jsdom";
import { IntersectionObserver, settled } from "./tools.js";

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = ["window", "document", "location", "AbortController", "AbortSignal", "requestAnimationFrame", "cancelAnimationFrame", "matchMedia", "getComputedStyle"];
const own = Object.fromEntries(NAMES.map((name) => [name, browser[name]]));
const LANES = [
  { lane: "sse", name: "SSE", mark: "●" },
  { lane: "webrtc", name: "loss-tolerant data channel", mark: "▲" },
];
const LINK = { loss: 0.05, burst: 1, delay_ms: 50, jitter_ms: 0, kbit_s: null, cut: false };
/** @type {typeof import("../src/lab/index.js").default} */
let widget;
/** @type {AbortController} */
let controller;

beforeEach(async () => {
  const { window } = new JSDOM("", { url: "http://localhost/", pretendToBeVisual: true });
  for (const name of NAMES) browser[name] = /** @type {any} */ (window)[name];
  Object.assign(browser, { window, IntersectionObserver, matchMedia: () => ({ matches: true }), requestAnimationFrame: () => 0, cancelAnimationFrame() {} });
  mock.timers.enable({ apis: ["setTimeout"] });
  controller = new AbortController();
  widget = (await import("../src/lab/index.js")).default;
});
afterEach(() => {
  controller.abort();
  mock.timers.reset();
  Object.assign(browser, own);
});

/** @param {string} lane @param {Record<string, string>} words */
const row = (lane, words = {}) => ({
  lane, failed: "", tokens: 20, bars: [0, 1, 0.5], at: [0.2, 0.4],
  words: { name: lane, median: "50 ms", p99: "190 ms", stalls: "4.0", ratio: "14.6 %", missing: "", behind: "2", lost: "3 lost", packets: "3 of 60 packets", ...words },
});

/** The lab, seen. @param {Record<string, any>} traits */
function lab(traits = {}) {
  /** @type {Record<string, any>} */
  const state = {
    backend: "model", tag: "simulated", why: "Simulated.", offers: [], lanes: LANES, impairment: LINK, rate: 25, tokens: 250, seed: 1, state: "idle", number: 0,
    error: "", rows: LANES.map(({ lane }) => row(lane)), provenance: "", prediction: "", verdict: "", ...traits,
  };
  /** @type {Record<string, ((...args: any[]) => void)[]>} */
  const handlers = {};
  /** @type {any[]} */
  const sent = [];
  const model = /** @type {any} */ ({
    get: (/** @type {string} */ name) => state[name],
    on: (/** @type {string} */ name, /** @type {() => void} */ f) => void (handlers[name] ??= []).push(f),
    off() {},
    send: (/** @type {any} */ message) => void sent.push(message),
  });
  const { initialize, render } = widget();
  initialize({ model, signal: controller.signal, experimental: /** @type {any} */ ({}) });
  const el = document.createElement("div");
  document.body.append(el);
  render({ model, el, signal: controller.signal, host: /** @type {any} */ ({}), experimental: /** @type {any} */ ({}) });
  const all = (/** @type {string} */ name) => /** @type {any[]} */ ([...el.querySelectorAll(name)]);
  return {
    all, el,
    texts: (/** @type {string} */ name) => all(name).map((one) => one.textContent),
    /** @param {string} words */
    button: (words) => /** @type {HTMLButtonElement} */ (all("button").find((one) => one.textContent === words)),
    /** What was asked, without its reference. */
    asked: () => sent.filter(({ ask }) => ask).map(({ ask, ...rest }) => rest),
    async answer(fields = {}) {
      const { ask } = sent.findLast((message) => message.ask);
      for (const f of handlers["msg:custom"]) f({ answer: ask, ...fields }, []);
      await settled();
    },
    /** @param {any} message */
    say: (message) => handlers["msg:custom"].forEach((f) => f(message, [])),
    /** @param {Record<string, any>} traits */
    async set(traits) {
      Object.assign(state, traits);
      for (const name of Object.keys(traits)) for (const f of handlers[`change:${name}`] ?? []) f();
      mock.timers.tick(600);
      await settled();
    },
  };
}

test("figures are hidden until a prediction was made, or skipped", async () => {
  const one = lab();
  assert.deepEqual(one.texts(".tw-lab-choices button"), ["SSE", "loss-tolerant data channel", "no difference", "Skip"]);
  assert.ok(one.texts(".tw-lab-figure dd").every((words) => words === ""));
  assert.equal(one.all(".tw-lab-bars-of")[0].getAttribute("d"), "");
  one.button("SSE").click();
  assert.deepEqual(one.asked(), [{ op: "predict", prediction: "sse" }]);
  await one.set({ prediction: "sse" });
  assert.equal(one.all(".tw-lab-asked")[0].hidden, true);
  assert.deepEqual(one.texts(".tw-lab-verdict"), ["Your prediction: SSE stalls most."]);
  assert.deepEqual(one.texts(".tw-lab-figure dd").slice(0, 5), ["50 ms", "190 ms", "4.0", "14.6 %", "2"]);
  await one.set({ state: "over", verdict: "You were right. SSE stalled most." });
  assert.deepEqual(one.texts(".tw-lab-verdict"), ["You were right. SSE stalled most."]);
  assert.deepEqual(one.texts(".tw-live"), ["You were right. SSE stalled most."]);
});

test("Start, Stop and Escape", async () => {
  const one = lab({ prediction: "skipped" });
  one.button("Start").click();
  assert.deepEqual(one.asked(), [{ op: "start", rate: 25 }]);
  await one.answer();
  await one.set({ state: "starting" });
  assert.equal(one.button("Starting…").disabled, true);
  await one.set({ state: "running" });
  assert.match(one.texts(".tw-live")[0] ?? "", /^The run has begun\. The link now: 5 % lost/);
  one.button("Stop").click();
  one.el.firstElementChild?.dispatchEvent(new /** @type {any} */ (window).KeyboardEvent("keydown", { key: "Escape" }));
  assert.deepEqual(one.asked().slice(1), [{ op: "stop" }, { op: "stop" }]);
  await one.set({ state: "over" });
  assert.ok(one.button("Run again"));
});

test("a slider changes the link at once and shows what it asks for; the cable is cut and mended", async () => {
  const one = lab();
  const [loss] = one.all("input[type=range]");
  loss.value = "0.1";
  loss.dispatchEvent(new /** @type {any} */ (window).Event("input"));
  assert.deepEqual(one.asked(), [{ op: "change", loss: 0.1 }]);
  assert.equal(one.texts(".tw-lab-value")[0], "10 %");
  assert.equal(loss.getAttribute("aria-valuetext"), "10 %");
  await one.answer();
  await one.set({ impairment: { ...LINK, loss: 0.1 } });
  one.button("Cut the cable").click();
  assert.deepEqual(one.asked()[1], { op: "change", cut: true });
  await one.answer();
  await one.set({ impairment: { ...LINK, loss: 0.1, cut: true } });
  assert.equal(one.button("Mend the cable").ariaPressed, "true");
  assert.deepEqual(one.texts(".tw-live"), ["The cable is cut."]);
});

test("with the relay this page can be the client, between two runs", async () => {
  const one = lab({ backend: "relay", page: false });
  const [client] = one.all("input[type=checkbox]");
  assert.equal(client.labels[0].textContent, "This page is the client");
  client.click();
  assert.deepEqual(one.asked(), [{ op: "choose", backend: "relay", page: true }]);
  await one.set({ page: true, state: "running" });
  assert.deepEqual([client.checked, client.disabled], [true, true]);
  await one.set({ backend: "model", page: false, state: "idle" });
  assert.deepEqual([client.checked, client.labels[0].hidden], [false, true]);
});

test("backends that cannot run here can be seen, not chosen; a refusal is shown", async () => {
  const one = lab({ offers: [{ name: "tun", not: "No device." }, { name: "model", not: "" }] });
  const select = one.all(".tw-lab-wide select")[0];
  assert.deepEqual([...select.options].map((/** @type {any} */ option) => [option.value, option.disabled, option.title]), [["tun", true, "No device."], ["model", false, ""]]);
  select.value = "model";
  select.dispatchEvent(new /** @type {any} */ (window).Event("change"));
  assert.deepEqual(one.asked(), [{ op: "choose", backend: "model", page: false }]);
  await one.answer({ error: { code: "bad_request", message: "Not today." } });
  assert.deepEqual(one.texts(".tw-lab-problem"), ["Not today."]);
});

test("what a page missed it asks for, and goes on from there", async () => {
  const one = lab({ number: 1, state: "running" });
  assert.deepEqual(one.asked(), [{ op: "snapshot" }]);
  await one.answer({ run: 1, n: 5, now: 100, given: [[0, 0, "Hello "], [1, 50, "world "]], reached: [1, 0] });
  mock.timers.tick(600);
  assert.deepEqual(one.texts(".tw-lab-text"), ["Hello world ", "Hello "]);
  one.say({ op: "reports", run: 1, n: 7, now: 200, given: [], shown: [], packets: [], every: 1 });
  assert.equal(one.asked().length, 2);
});

test("a lane that gave up says why", () => {
  const one = lab({ prediction: "skipped", rows: [{ ...row("sse"), failed: "it did not open" }, row("webrtc")] });
  assert.deepEqual(one.texts(".tw-lab-failed"), ["gave up: it did not open", ""]);
});
