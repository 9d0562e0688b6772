import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { loudness } from "../src/mic/button.js";
import { addressOf } from "../src/mic/companion.js";
import { explain } from "../src/mic/explain.js";
import { register } from "../src/mic/processor.js";
import { Sender, base64 } from "../src/mic/sender.js";
import { Speaker, samplesOf } from "../src/mic/speaker.js";
import { Spoken, latency, stages } from "../src/mic/spoken.js";
import { ending, hint, waitWords } from "../src/mic/words.js";
import { FakeTime, settled } from "./tools.js";

/** @import { Surroundings } from "../src/mic/explain.js" */

// ---- the audio thread

test("frames have 20 ms, their peak, and silence where a source has ended", () => {
  /** @type {{pcm: ArrayBuffer, peak: number}[]} */
  const frames = [];
  /** @type {any} */
  let made;
  const scope = /** @type {any} */ (globalThis);
  scope.sampleRate = 48_000;
  scope.AudioWorkletProcessor = class {
    port = { postMessage: (/** @type {any} */ frame) => frames.push(frame) };
  };
  scope.registerProcessor = (/** @type {string} */ name, /** @type {any} */ kind) => (made = [name, new kind()]);
  new Function(`(${register})()`)(); // as the page makes a module of its text
  assert.equal(made[0], "tokenwidgets-frames");
  const loud = new Float32Array(128).fill(0.5);
  for (let i = 0; i < 8; i++) assert.equal(made[1].process([[loud]]), true);
  for (let i = 0; i < 8; i++) made[1].process([[]]);
  const samples = frames.map(({ pcm }) => new Int16Array(pcm));
  assert.deepEqual(samples.map(({ length }) => length), [960, 960]);
  assert.equal(samples[0][0], Math.trunc(0.5 * 32767));
  assert.deepEqual(frames.map(({ peak }) => peak), [0.5, 0.5]);
  assert.equal(samples[1].at(-1), 0);
});

// ---- to the session

/** @param {number} ms */
const sound = (ms) => new Int16Array(16 * ms).fill(ms).buffer; // at 16 kHz

test("what is said before there is a session is sent with it, in order, and the oldest of too much is dropped", async () => {
  /** @type {any[]} */
  const given = [];
  const sender = new Sender(async (input) => void given.push(input), () => 0);
  for (let i = 0; i < 11; i++) sender.sound(sound(1000), 16_000);
  sender.send({ type: "commit" });
  assert.equal(given.length, 0);
  sender.open();
  await settled();
  assert.deepEqual(given.map(({ type }) => type), ["audio", "commit"]);
  assert.equal(samplesOf(given[0].delta).length, 16_000 * 10);
});

test("sound is gathered while a message is on its way", async () => {
  /** @type {any[]} */
  const given = [];
  /** @type {() => void} */
  let arrive = () => {};
  const sender = new Sender((input) => new Promise((resolve) => (given.push(input), (arrive = resolve))), () => 0);
  sender.open();
  for (let i = 0; i < 4; i++) sender.sound(sound(20), 16_000);
  assert.equal(given.length, 1);
  arrive();
  await settled();
  assert.deepEqual(given.map(({ delta }) => samplesOf(delta).length), [320, 960]);
});

test("a way that is lost for a moment holds nothing up, and nothing of an ended session goes to the next", async () => {
  /** @type {any[]} */
  const given = [];
  let fails = true;
  const sender = new Sender(async (input) => (fails ? Promise.reject(new Error("lost")) : void given.push(input.type)), () => 0);
  sender.open();
  sender.send({ type: "commit" });
  await settled();
  fails = false;
  sender.send({ type: "respond" });
  await settled();
  assert.deepEqual(given, ["respond"]);
  sender.close();
  sender.send({ type: "clear" });
  sender.close();
  sender.open();
  await settled();
  assert.deepEqual(given, ["respond"]);
});

test("samples survive base64", () => {
  const samples = Int16Array.from({ length: 40_001 }, (_, i) => i - 20_000);
  assert.deepEqual(samplesOf(base64(samples)), samples);
});

// ---- to the loudspeaker

class FakeContext {
  currentTime = 0;
  outputLatency = 0.01;
  sampleRate = 24_000;
  destination = {};
  /** @type {any[]} */
  started = [];
  stopped = 0;
  closed = false;
  resume = async () => {};
  close = async () => void (this.closed = true);
  createGain = () => ({ gain: { value: 1 }, connect() {} });
  /** @param {number} _ @param {number} length */
  createBuffer = (_, length) => ({ getChannelData: () => new Float32Array(length) });
  createBufferSource = () => ({ connect() {}, start: (/** @type {number} */ at) => this.started.push(at), stop: () => (this.stopped += 1) });
}

async function speaker() {
  const context = new FakeContext();
  const time = new FakeTime();
  /** @type {[number, number][]} */
  const began = [];
  const made = new Speaker({
    open: () => /** @type {any} */ (context),
    began: (block, at) => began.push([block, at]),
    changed() {},
    timers: time,
  });
  await made.ready(24_000);
  return { context, time, began, made };
}
const tenth = new Int16Array(2400); // 100 ms

test("pieces follow each other without a gap, and the first waits a moment", async () => {
  const { context, made } = await speaker();
  for (let i = 0; i < 3; i++) made.play(2, tenth, 24_000);
  assert.deepEqual(context.started.map((at) => at.toFixed(3)), ["0.020", "0.120", "0.220"]);
  context.currentTime = 1; // it ran dry
  assert.equal(made.sounding, false);
  made.play(2, tenth, 24_000);
  assert.equal(context.started.at(-1), 1.02);
});

test("who interrupts learns how much was heard, and hears no more of it", async () => {
  const { context, made } = await speaker();
  for (let i = 0; i < 3; i++) made.play(2, tenth, 24_000);
  context.currentTime = 0.2;
  assert.deepEqual(made.stop(), { block: 2, played_ms: 170 }); // 20 ms of lead and 10 ms on the way to the ear were not heard
  assert.equal(context.stopped, 3);
  made.play(2, tenth, 24_000);
  assert.equal(context.started.length, 3);
  made.play(5, tenth, 24_000);
  assert.equal(context.started.length, 4);
  assert.deepEqual(made.stop(), { block: 5, played_ms: 0 });
  assert.equal(made.stop(), null);
});

test("when the first sample leaves the loudspeaker is told once a block, and never of what was cut off before", async () => {
  const { time, began, made } = await speaker();
  made.play(2, tenth, 24_000);
  made.play(2, tenth, 24_000);
  await time.pass(29);
  assert.deepEqual(began, []);
  await time.pass(200);
  assert.deepEqual(began, [[2, 30_000]]);
  made.play(3, tenth, 24_000);
  made.stop();
  await time.pass(500);
  assert.equal(began.length, 1);
});

test("a closed loudspeaker is given back and plays nothing", async () => {
  const { context, made } = await speaker();
  made.close();
  assert.equal(context.closed, true);
  made.play(1, tenth, 24_000);
  assert.equal(context.started.length, 0);
});

// ---- what was said

const VECTORS = JSON.parse(readFileSync(new URL("../../tests/data/spoken.json", import.meta.url), "utf8"));

for (const { what, events, turns } of VECTORS) {
  test(`turns are read as in Python: ${what}`, () => {
    const spoken = new Spoken();
    for (const event of events) spoken.take(event);
    const read = spoken.turns.map((turn) => {
      const { heard, said, status, calls, interrupted } = turn;
      const steps = Object.fromEntries(stages(turn).map(({ name, begin, end }) => [name, end - begin]));
      return { heard, said, status, calls, interrupted, latency: latency(turn), stages: steps };
    });
    assert.deepEqual(read, turns);
  });
}

test("a wait is said as a sum that adds up", () => {
  const spoken = new Spoken();
  for (const event of VECTORS[0].events) spoken.take(event);
  assert.equal(
    waitWords(spoken.turns[0]),
    "noticing the end 357 ms + words 5 ms + first token 68 ms + first sound 70 ms + to the loudspeaker 40 ms = 540 ms",
  );
});

test("how an answer ended is said where it matters", () => {
  const turn = { heard: "", said: "Yes", status: "cancelled", message: "", instants: {}, block: null, calls: [], interrupted: false };
  assert.equal(ending(turn), "Interrupted.");
  assert.equal(ending({ ...turn, said: "" }), "You went on.");
  assert.equal(ending({ ...turn, status: "failed", message: "No key.", calls: ["weather"] }), "Called weather. Failed: No key.");
  assert.equal(ending({ ...turn, status: "completed" }), "");
  assert.equal(ending({ ...turn, status: "completed", interrupted: true }), "Interrupted.");
});

test("what can be done is said in every state", () => {
  const of = { handsFree: true, interruptible: true, muted: false, recorder: false, again: false };
  assert.equal(hint("off", of), "Press to talk");
  assert.equal(hint("off", { ...of, handsFree: false, again: true }), "Press and hold to talk on");
  assert.equal(hint("listening", { ...of, muted: true }), "Muted: you are not heard");
  assert.equal(hint("preview", { ...of, recorder: true }), "Nothing is sent");
  assert.equal(hint("recording", { ...of, recorder: true }), "Press to stop");
  assert.equal(hint("speaking", of), "Speak to interrupt");
  assert.equal(hint("speaking", { ...of, interruptible: false }), "Press to end");
});

test("a level is heard as an ear hears it", () => {
  assert.equal(loudness(0), 0);
  assert.equal(loudness(1), 1);
  assert.ok(loudness(0.01) > 0.2 && loudness(0.01) < loudness(0.1));
});

// ---- why there is no microphone

/** @type {Surroundings} */
const FINE = { secure: true, allowed: true, host: "JupyterLab", address: new URL("https://hub.example:8443/user/a/lab?x=1") };

/** @type {[string, Partial<Surroundings>, RegExp][]} */
const CASES = [
  ["NotAllowedError", {}, /^Denied.*sign beside the address/],
  ["NotAllowedError", { allowed: false }, /policy.*Permissions-Policy/],
  ["NotAllowedError", { allowed: false, host: "Colab" }, /Colab.*your own JupyterLab/],
  ["NotAllowedError", { host: "VS Code" }, /VS Code.*companion page in your browser/],
  ["NotFoundError", {}, /No microphone found.*Connect one/],
  ["NotReadableError", {}, /in use.*Close that program/],
  ["OverconstrainedError", {}, /gone.*Choose another/],
  ["EncodingError", {}, /no sound.*WAV/],
  ["SecurityError", { secure: false }, /not secure.*ssh -L 8443:localhost:8443 hub\.example/],
  ["TypeError", {}, /could not be opened.*odd/],
];
for (const [name, where, words] of CASES) {
  test(`${name} ${JSON.stringify(where)} is explained, with a way out`, () => {
    const problem = explain(new DOMException("odd", name), { ...FINE, ...where });
    assert.match(`${problem.title}. ${problem.words}`, words);
  });
}

test("an address that is not secure leads to the same page on localhost", () => {
  const { link } = explain(new DOMException("", "SecurityError"), { ...FINE, secure: false });
  assert.equal(link?.address, "http://localhost:8443/user/a/lab?x=1");
});

test("a page of its own has the microphone: beside the notebook, on localhost, or where the kernel knows the server", () => {
  const base = "/user/a/";
  const manner = { handsFree: true, interruptible: true };
  assert.equal(addressOf("s 1", base, manner, FINE), "https://hub.example:8443/user/a/tokenwidgets/mic?stream=s+1");
  assert.equal(addressOf("s", base, { ...manner, handsFree: false }, { ...FINE, secure: false }), "http://localhost:8443/user/a/tokenwidgets/mic?stream=s&hands_free=false");
  const frame = { ...FINE, address: new URL("vscode-webview://x/") };
  assert.equal(addressOf("s", "http://127.0.0.1:8888/", { ...manner, interruptible: false }, frame), "http://127.0.0.1:8888/tokenwidgets/mic?stream=s&interrupt=false");
  for (const where of [{ host: "VS Code" }, { secure: false }, { allowed: false }]) {
    assert.equal(explain(new DOMException("", "NotAllowedError"), { ...FINE, ...where }).companion, true);
  }
  assert.equal(explain(new DOMException("", "NotFoundError"), FINE).companion, undefined);
});
