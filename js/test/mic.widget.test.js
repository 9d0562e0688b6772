import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { JSDOM } from "jsdom";
import { base64 } from "../src/mic/sender.js";
import { IntersectionObserver } from "./tools.js";

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = [
  "window", "document", "location", "Node", "navigator", "AbortController", "AbortSignal", "AudioContext", "AudioWorkletNode", "requestAnimationFrame",
  "cancelAnimationFrame", "IntersectionObserver", "addEventListener",
];
const own = NAMES.map((name) => /** @type {const} */ ([name, Object.getOwnPropertyDescriptor(browser, name)]));
/** @type {AbortController[]} */
let controllers = [];
/** @type {any} */
let world;

/** A browser's sound: what is granted, what was opened, the node that gives frames. */
class World {
  /** @type {any[]} */
  tracks = [];
  /** @type {any[]} */
  contexts = [];
  /** @type {any} */
  asked = null;
  /** @type {any} */
  refusal = null;
  /** @type {any} */
  frames = null;
  /** @type {number[]} */
  started = [];

  /** One frame of 20 ms from the microphone. @param {number} peak */
  hear(peak) {
    this.frames.port.onmessage({ data: { pcm: new Int16Array(960).fill(peak * 32767).buffer, peak } });
  }
}

beforeEach(async () => {
  const { window } = new JSDOM("", { url: "http://localhost/" });
  world = new World();
  class Context {
    currentTime = 0;
    destination = {};
    audioWorklet = { addModule: async () => {} };
    /** @param {any} [options] */
    constructor({ sampleRate = 48_000 } = {}) {
      this.sampleRate = sampleRate;
      world.contexts.push(this);
    }
    state = "running";
    async resume() {}
    async close() {
      this.state = "closed";
    }
    createGain = () => ({ gain: { value: 1 }, connect: (/** @type {any} */ node) => node });
    createMediaStreamSource = () => ({ connect() {} });
    createMediaStreamDestination = () => ({ stream: { getTracks: () => [] } });
    createBuffer = (/** @type {number} */ _, /** @type {number} */ length) => ({ getChannelData: () => new Float32Array(length) });
    createBufferSource = () => ({
      connect: (/** @type {any} */ node) => node,
      start: (/** @type {number} */ at) => world.started.push(at),
      stop() {},
    });
    decodeAudioData = async () => ({});
  }
  class WorkletNode {
    port = { onmessage: null };
    constructor() {
      world.frames = this;
    }
    connect() {}
  }
  const devices = {
    enumerateDevices: async () => [{ kind: "audioinput", deviceId: "a", label: "Desk" }],
    addEventListener() {},
    async getUserMedia(/** @type {any} */ asked) {
      world.asked = asked;
      if (world.refusal) throw world.refusal;
      const track = { kind: "audio", label: "Desk", readyState: "live", stop: () => (track.readyState = "ended"), addEventListener() {} };
      world.tracks.push(track);
      return { getTracks: () => [track], getAudioTracks: () => [track] };
    },
  };
  const values = /** @type {Record<string, any>} */ ({
    window, document: window.document, location: window.location, Node: window.Node, navigator: { mediaDevices: devices },
    AbortController: window.AbortController, AbortSignal: window.AbortSignal, AudioContext: Context, AudioWorkletNode: WorkletNode,
    requestAnimationFrame: () => 0, cancelAnimationFrame() {}, IntersectionObserver,
    addEventListener: window.addEventListener.bind(window),
  });
  Object.assign(window, { isSecureContext: true });
  for (const name of NAMES) Object.defineProperty(browser, name, { value: values[name], configurable: true, writable: true });
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
});
afterEach(() => {
  for (const controller of controllers) controller.abort();
  controllers = [];
  mock.timers.reset();
  for (const [name, descriptor] of own) {
    if (descriptor) Object.defineProperty(browser, name, descriptor);
    else delete browser[name];
  }
});

/** @param {number} ms */
async function pass(ms = 600) {
  for (let left = ms; left >= 0; left -= 50) {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    mock.timers.tick(50);
  }
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

function controller() {
  const made = new AbortController();
  controllers.push(made);
  return made;
}

/** A widget with its kernel, to which every stream belongs. @param {object} traits */
async function start(traits = {}) {
  const state = /** @type {Record<string, any>} */ ({
    runs: [], model: "sim/voice", record: false, hands_free: true, interrupt: true, path: "auto", clips: { sky: "Why?" }, with_clip: false, ...traits,
  });
  /** @type {Record<string, ((...args: any[]) => void)[]>} */
  const handlers = {};
  /** @type {any[]} */
  const sent = [];
  let seq = 0;
  const change = (/** @type {string} */ name, /** @type {any} */ value) => {
    state[name] = value;
    for (const f of handlers[`change:${name}`] ?? []) f();
  };
  const model = /** @type {any} */ ({
    get: (/** @type {string} */ name) => state[name],
    set: change,
    save_changes() {},
    on: (/** @type {string} */ name, /** @type {() => void} */ f) => void (handlers[name] ??= []).push(f),
    off: (/** @type {string} */ name, /** @type {() => void} */ f) => void (handlers[name] = handlers[name].filter((g) => g !== f)),
    send: (/** @type {any} */ message) => void sent.push(message),
  });
  const { default: widget } = await import("../src/mic/index.js");
  const { initialize, render } = widget();
  initialize({ model, signal: controller().signal, experimental: /** @type {any} */ ({}) });
  const gone = controller();
  const el = document.createElement("div");
  document.body.append(el);
  render(/** @type {any} */ ({ model, el, signal: gone.signal }));
  await pass();
  const say = (/** @type {any} */ message) => handlers["msg:custom"].forEach((f) => f(message, []));
  return {
    el,
    gone,
    sent,
    change,
    /** @param {string} selector */
    find: (selector) => /** @type {any} */ (el.querySelector(selector)),
    get state() {
      return /** @type {HTMLElement} */ (el.querySelector(".tw-mic")).dataset.state;
    },
    get inputs() {
      return sent.filter(({ op }) => op === "input").map(({ input }) => input);
    },
    /** The kernel begins the session that was asked for. */
    async begins() {
      const { ask } = sent.findLast(({ op, ask }) => op === "talk" && ask);
      change("runs", [...state.runs, { stream: `s${state.runs.length}`, model: "sim/voice", transport: "auto", place: "kernel", ended: -1, error: "" }]);
      say({ answer: ask, stream: `s${state.runs.length - 1}` });
      seq = 0;
      await pass();
    },
    /** The newest session says something. @param {...object} events */
    async tells(...events) {
      const numbered = events.map((event) => ({ at: 1000 * seq, ...event, seq: seq++ }));
      say({ stream: `s${state.runs.length - 1}`, events: numbered });
      await pass();
    },
    say,
  };
}

const START = { type: "start", id: "s", model: "sim/voice", host: "sim", dialect: "", created: 1 };
const SOUND = base64(new Int16Array(24_000));
const ANSWER = [
  { type: "speech", state: "started" },
  { type: "speech", state: "stopped" },
  { type: "transcript", block: 1, role: "user", delta: "Why?", final: true },
];

test("a press opens the microphone, begins a session and sends what was said meanwhile", async () => {
  const it = await start();
  assert.equal(it.state, "off");
  it.find(".tw-m-button").click();
  await pass();
  assert.equal(it.state, "opening");
  assert.equal(world.asked.audio.echoCancellation, true);
  for (let i = 0; i < 10; i++) world.hear(0.5);
  await it.begins();
  assert.equal(it.state, "listening");
  const [first] = it.inputs;
  assert.deepEqual([first.type, first.rate, atob(first.delta).length], ["audio", 48_000, 2 * 9600]);
  await it.tells(START, ...ANSWER);
  assert.equal(it.state, "thinking");
  await it.tells({ type: "transcript", block: 2, role: "assistant", delta: "Because." }, { type: "audio", block: 2, delta: SOUND, rate: 24_000 });
  assert.equal(it.state, "speaking");
  assert.equal(it.find(".tw-m-answer").textContent, "Because.");
  assert.equal(world.started.length, 1);
});

test("speech cuts off what sounds, and the session learns how much of it was heard", async () => {
  const it = await start();
  it.find(".tw-m-button").click();
  await pass();
  await it.begins();
  await it.tells(START, ...ANSWER, { type: "audio", block: 2, delta: SOUND, rate: 24_000 }, { type: "notice", kind: "turn", data: { status: "completed" } });
  world.contexts.find((/** @type {any} */ { sampleRate }) => sampleRate === 24_000).currentTime = 0.54;
  await it.tells({ type: "speech", state: "started" });
  assert.deepEqual(it.inputs.at(-1), { type: "interrupt", block: 2, played_ms: 520 });
  await it.tells({ type: "speech", state: "interrupted" });
  assert.equal(it.inputs.filter(({ type }) => type === "interrupt").length, 1);
  assert.equal(it.find(".tw-m-ending").textContent, "Interrupted.");
});

test("where speech is to end no answer, none is cut off before the server says so", async () => {
  const it = await start({ interrupt: false });
  it.find(".tw-m-button").click();
  await pass();
  await it.begins();
  await it.tells(START, ...ANSWER, { type: "audio", block: 2, delta: SOUND, rate: 24_000 });
  world.contexts.find((/** @type {any} */ { sampleRate }) => sampleRate === 24_000).currentTime = 0.54;
  await it.tells({ type: "speech", state: "started" });
  assert.equal(it.inputs.some(({ type }) => type === "interrupt"), false);
  assert.equal(it.state, "speaking");
  assert.equal(it.find(".tw-m-hint").textContent, "Press to end");
  await it.tells({ type: "speech", state: "interrupted" });
  assert.deepEqual(it.inputs.at(-1), { type: "interrupt", block: 2, played_ms: 520 });
});

test("a microphone chosen while a session begins is the one that is heard", async () => {
  const it = await start();
  it.find(".tw-m-button").click();
  await pass();
  const select = it.find(".tw-m-select");
  select.value = "device a";
  select.dispatchEvent(new browser.window.Event("change"));
  await pass();
  await it.begins();
  assert.deepEqual(world.asked.audio.deviceId, { ideal: "a" });
  assert.deepEqual(world.tracks.map((/** @type {any} */ { readyState }) => readyState), ["ended", "live"]);
  assert.equal(it.state, "listening");
});

test("whatever ends a talk gives the microphone and the loudspeaker back", async () => {
  const ends = /** @type {Record<string, (it: any) => any>} */ ({
    press: (it) => it.find(".tw-m-button").click(),
    escape: (it) => it.find(".tw-m-button").dispatchEvent(new (/** @type {any} */ (window).KeyboardEvent)("keydown", { key: "Escape", bubbles: true })),
    "the session's end": (it) => it.tells(START, { type: "end", reason: "stop" }),
    "the view's end": (it) => it.gone.abort(),
    "the page's end": () => window.dispatchEvent(new window.Event("pagehide")),
  });
  for (const [what, end] of Object.entries(ends)) {
    const it = await start();
    it.find(".tw-m-button").click();
    await pass();
    await it.begins();
    assert.equal(world.tracks.at(-1).readyState, "live", what);
    await end(it);
    await pass();
    assert.equal(world.tracks.at(-1).readyState, "ended", what);
    assert.ok(world.contexts.every((/** @type {any} */ { state }) => state === "closed"), what);
  }
});

test("no microphone: the reason in words, no session, and a clip instead", async () => {
  world.refusal = new DOMException("no", "NotAllowedError");
  const it = await start();
  it.find(".tw-m-button").click();
  await pass();
  assert.match(it.find(".tw-m-problem").textContent, /Denied.*Allow it by the sign/);
  assert.equal(it.sent.some(({ op }) => op === "talk"), false);
  /** @type {any} */ ([...it.el.querySelectorAll("button")].find(({ textContent }) => textContent === "Use a clip")).click();
  await pass(0);
  const { ask, name } = it.sent.findLast(({ op }) => op === "clip");
  assert.equal(name, "sky");
  it.say({ answer: ask, data: btoa("RIFF") });
  await pass();
  assert.equal(it.find(".tw-m-problem").hidden, true);
  it.find(".tw-m-button").click();
  await pass();
  assert.equal(it.state, "opening");
});

test("a page that is not secure says so", async () => {
  browser.navigator.mediaDevices = undefined;
  Object.assign(window, { isSecureContext: false });
  const it = await start();
  it.find(".tw-m-button").click();
  await pass();
  assert.match(it.find(".tw-m-problem").textContent, /not secure.*ssh -L/);
});

test("where there is no microphone a page of its own is offered, which speaks in the same session", async () => {
  browser.navigator.mediaDevices = undefined;
  Object.assign(window, { isSecureContext: false });
  const it = await start({ hands_free: false });
  it.find(".tw-m-button").dispatchEvent(new browser.window.KeyboardEvent("keydown", { key: " " }));
  await pass();
  const offer = [...it.el.querySelectorAll(".tw-m-ways button")].find(({ textContent }) => textContent === "Companion page");
  /** @type {HTMLElement} */ (offer).click();
  await pass();
  it.say({ answer: it.sent.findLast(({ op }) => op === "companion").ask, stream: "s0", base: "http://127.0.0.1:8888/" });
  await pass();
  assert.equal(it.find(".tw-m-link").href, "http://127.0.0.1:8888/tokenwidgets/mic?stream=s0&hands_free=false");
  /** @type {any} */ (offer).click();
  await pass();
  it.say({ answer: it.sent.findLast(({ op }) => op === "companion").ask, error: { code: "not_found", message: "This kernel knows no server." } });
  await pass();
  assert.match(it.find(".tw-m-problem").textContent, /No companion page.*knows no server\./);
});

test("a session that fails says why", async () => {
  const it = await start();
  it.find(".tw-m-button").click();
  await pass();
  const { ask } = it.sent.findLast(({ op }) => op === "talk");
  it.say({ answer: ask, error: { code: "auth", message: "There is no key for openai: set OPENAI_API_KEY." } });
  await pass();
  assert.match(it.find(".tw-m-problem").textContent, /No session.*set OPENAI_API_KEY/);
  assert.equal(world.tracks[0].readyState, "ended");
  it.find(".tw-m-button").click();
  await pass();
  await it.begins();
  await it.tells(START, { type: "error", code: "limit", message: "The session was too long." });
  assert.match(it.find(".tw-m-problem").textContent, /The session ended.*too long/);
});

test("the level is seen before anything is sent", async () => {
  const it = await start();
  /** @type {any} */ ([...it.el.querySelectorAll("button")].find(({ textContent }) => textContent === "Check")).click();
  await pass();
  assert.equal(it.state, "preview");
  world.hear(0.5);
  await pass();
  assert.ok(Number(it.find(".tw-m-button").style.getPropertyValue("--tw-level")) > 0.5);
  assert.equal(it.inputs.length, 0);
  assert.equal(it.find(".tw-m-hint").textContent, "Nothing is sent");
});

test("who is muted sends silence", async () => {
  const it = await start();
  it.find(".tw-m-button").click();
  await pass();
  await it.begins();
  /** @type {any} */ ([...it.el.querySelectorAll("button")].find(({ textContent }) => textContent === "Mute")).click();
  for (let i = 0; i < 5; i++) world.hear(0.5);
  await pass();
  assert.equal(it.state, "idle");
  assert.match(atob(it.inputs.at(-1).delta), /^\0+$/);
});

test("what is held is a turn, to be answered when it is let go", async () => {
  const it = await start({ hands_free: false });
  const button = it.find(".tw-m-button");
  const key = (/** @type {string} */ type) => button.dispatchEvent(new (/** @type {any} */ (window).KeyboardEvent)(type, { key: " ", bubbles: true }));
  key("keydown");
  await pass();
  for (let i = 0; i < 10; i++) world.hear(0.5);
  key("keyup");
  for (let i = 0; i < 10; i++) world.hear(0.5);
  await it.begins();
  assert.deepEqual(it.inputs.map(({ type }) => type), ["audio", "commit", "respond"]);
  assert.equal(atob(it.inputs[0].delta).length, 2 * 9600);
  it.change("hands_free", true);
  await pass();
  assert.deepEqual(it.inputs.at(-1), { type: "update", settings: { turn_detection: "server" } });
});

test("old answers are shown, and not played", async () => {
  const run = { stream: "s0", model: "sim/voice", transport: "auto", place: "kernel", ended: -1, error: "" };
  const it = await start({ runs: [run] });
  await it.tells(START, ...ANSWER, { type: "transcript", block: 2, role: "assistant", delta: "Because." }, { type: "audio", block: 2, delta: SOUND });
  assert.equal(it.find(".tw-m-answer").textContent, "Because.");
  assert.equal(world.started.length, 0);
  assert.equal(it.state, "off");
});
