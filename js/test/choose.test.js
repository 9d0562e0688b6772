import assert from "node:assert/strict";
import { test } from "node:test";
import { Choice } from "../src/lib/choose.js";
import { GivenUp, Refused } from "../src/lib/transport.js";
import { FakeTime, settled } from "./tools.js";

/** @import { Route } from "../src/lib/choose.js" */
/** @import { Transport, TransportName } from "../src/lib/transport.js" */

/** A connection that stands until it is left. @returns {Transport} */
const works = () => ({
  attach(_stream, _after, reader, signal) {
    reader.opened();
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  },
  async stop() {},
});
/** @param {Error} error @returns {Transport} */
const fails = (error) => ({ attach: () => Promise.reject(error), stop: () => Promise.reject(error) });
/** @returns {Transport} */
const hangs = () => ({ ...works(), attach: (_s, _a, _r, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))) });

/**
 * @param {TransportName | "auto"} wanted
 * @param {Partial<Record<TransportName, Transport>>} transports
 * @param {"server" | "kernel"} place
 */
function choose(wanted, transports, place = "server") {
  const timers = new FakeTime();
  /** @type {Route[]} */
  const routes = [];
  const all = { comm: works(), ws: works(), sse: works(), webrtc: works(), ...transports };
  const choice = new Choice({ wanted, place, transports: all, timers, onRoute: (route) => void routes.push(route) });
  const leaving = new AbortController();
  const attach = () => choice.attach("s", -1, { opened() {}, events() {} }, leaving.signal);
  return { choice, timers, routes, attach, leaving };
}

test("auto takes the socket, and what is asked for is taken", async () => {
  for (const [wanted, transport, why] of /** @type {const} */ ([
    ["auto", "ws", "chosen automatically"],
    ["ws", "ws", "as asked"],
    ["sse", "sse", "as asked"],
    ["webrtc", "webrtc", "as asked"],
    ["comm", "comm", "as asked"],
  ])) {
    const { attach, routes } = choose(wanted, {});
    attach();
    await settled();
    assert.deepEqual(routes, [{ transport, why, tried: [] }]);
  }
});

test("what fails is passed over, and said so with its reason", async () => {
  const { attach, routes } = choose("webrtc", { webrtc: fails(new Error("no direct path")), ws: fails(new Error("blocked")) });
  attach();
  await settled();
  const tried = [{ transport: "webrtc", reason: "no direct path" }, { transport: "ws", reason: "blocked" }];
  assert.deepEqual(routes, [{ transport: "sse", why: "in place of WebRTC and WebSocket", tried }]);
});

test("what does not answer is given 3 s", async () => {
  const { attach, routes, timers } = choose("auto", { ws: hangs(), sse: hangs() });
  attach();
  await timers.pass(2999);
  await timers.pass(2);
  assert.equal(routes.length, 0);
  await timers.pass(3000);
  const reason = "no answer within 3 s";
  assert.deepEqual(routes, [
    { transport: "comm", why: "in place of WebSocket and SSE", tried: [{ transport: "ws", reason }, { transport: "sse", reason }] },
  ]);
});

test("a connection that stands is not cut by the limit for opening", async () => {
  const { attach, timers } = choose("auto", {});
  let ended = false;
  attach().catch(() => (ended = true));
  await timers.pass(60_000);
  assert.equal(ended, false);
});

test("a stream in the kernel, or a page without a server, has the comm at once", async () => {
  const kernel = choose("ws", {}, "kernel");
  kernel.attach();
  const alone = choose("auto", { ws: undefined, sse: undefined, webrtc: undefined });
  alone.attach();
  await settled();
  assert.deepEqual(kernel.routes, [{ transport: "comm", why: "the kernel holds this stream, no server does", tried: [] }]);
  assert.deepEqual(alone.routes, [{ transport: "comm", why: "no Jupyter server can be reached from this page", tried: [] }]);
});

test("a refusal of the stream is no reason for another transport", async () => {
  const { attach, routes } = choose("auto", { ws: fails(new Refused("limit", "128 sockets are open already.")) });
  await assert.rejects(attach(), /128 sockets/);
  assert.deepEqual(routes, []);
});

const GONE = new Refused("not_found", "There is no such stream.");
/** As a socket does: it opens, and then the server refuses. @returns {Transport} */
const opensAndRefuses = () => ({ attach: (_s, _a, reader) => (reader.opened(), Promise.reject(GONE)), stop: async () => {} });
/** @returns {Transport} */
const answers = () => ({
  attach(_stream, _after, reader, signal) {
    reader.opened();
    reader.events([{ type: "start", seq: 0, at: 0 }]);
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  },
  async stop() {},
});

test("a stream that the server does not hold is asked of the kernel, and stays there", async () => {
  for (const [wanted, name, refuses] of /** @type {const} */ ([
    ["auto", "ws", opensAndRefuses()],
    ["sse", "sse", fails(GONE)],
    ["webrtc", "webrtc", opensAndRefuses()],
  ])) {
    const { attach, routes, timers } = choose(wanted, { [name]: refuses, comm: answers() });
    let ended = false;
    attach().finally(() => (ended = true));
    await timers.pass(60_000);
    assert.equal(ended, false);
    const why = "the page's Jupyter server does not hold this stream";
    assert.deepEqual(routes.at(-1), { transport: "comm", why, tried: [{ transport: name, reason: "There is no such stream." }] });
  }
});

test("what neither the server nor a kernel knows is refused in the server's words", async () => {
  const silent = choose("auto", { ws: opensAndRefuses(), comm: works() });
  const attached = assert.rejects(silent.attach(), GONE);
  await silent.timers.pass(10_001);
  await attached;
  for (const error of [new Refused("not_found", "This widget shows another stream."), new Error("the connection was closed")]) {
    await assert.rejects(choose("auto", { ws: opensAndRefuses(), comm: fails(error) }).attach(), GONE);
  }
  await assert.rejects(choose("comm", { comm: fails(GONE) }).attach(), GONE);
});

test("who leaves while the kernel is asked just leaves", async () => {
  const { attach, leaving } = choose("auto", { ws: opensAndRefuses(), comm: { ...answers(), attach: (_s, _a, reader, signal) => (reader.opened(), new Promise((resolve) => signal.addEventListener("abort", () => resolve()))) } });
  const attached = attach();
  await settled();
  leaving.abort();
  await attached;
});

test("one that has worked is kept over an outage, and left when it does not come back", async () => {
  let up = true;
  /** @type {Transport} */
  const flaky = { attach: async (_s, _a, reader) => (up ? reader.opened() : Promise.reject(new Error("down"))), stop: async () => {} };
  const { attach, routes } = choose("sse", { sse: flaky });
  await attach();
  up = false;
  await assert.rejects(attach(), /down/);
  await assert.rejects(attach(), /down/);
  attach();
  await settled();
  assert.deepEqual(routes.map(({ transport }) => transport), ["sse", "ws"]);
  assert.deepEqual(routes[1].tried, [{ transport: "sse", reason: "down" }]);
});

test("stop goes the way the stream comes", async () => {
  /** @type {string[]} */
  const stopped = [];
  const { choice, attach } = choose("webrtc", {
    webrtc: fails(new Error("no")),
    ws: { ...works(), stop: async (stream) => void stopped.push(stream) },
  });
  attach();
  await settled();
  await choice.stop("s");
  assert.deepEqual(stopped, ["s"]);
});

/** The same where only what is asked for will do. @param {TransportName} wanted @param {Partial<Record<TransportName, Transport>>} transports @param {"server" | "kernel"} [place] */
function insistOn(wanted, transports, place = "server") {
  const timers = new FakeTime();
  /** @type {Route[]} */
  const routes = [];
  const choice = new Choice({ wanted, only: true, place, transports: { comm: works(), ...transports }, timers, onRoute: (route) => void routes.push(route) });
  const attach = () => choice.attach("s", -1, { opened() {}, events() {} }, new AbortController().signal);
  return { timers, routes, attach };
}

test("where only one will do, no other is taken, and its own reason is given for good", async () => {
  const all = { ws: works(), sse: works(), webrtc: fails(new Error("no direct path")) };
  const { attach, routes } = insistOn("webrtc", all);
  await assert.rejects(attach(), (error) => error instanceof GivenUp && error.message === "no direct path");
  assert.deepEqual(routes, []);
});

test("where only one will do and no server holds the stream, it is not the comm in disguise", async () => {
  await assert.rejects(insistOn("ws", { ws: works(), sse: works(), webrtc: works() }, "kernel").attach(), /the kernel holds this stream/);
  await assert.rejects(insistOn("ws", {}).attach(), /no Jupyter server can be reached/);
  const gone = new Refused("not_found", "expired");
  await assert.rejects(insistOn("sse", { sse: fails(gone), ws: works(), webrtc: works() }).attach(), gone);
});

test("where only one will do, it is what is asked for when it works", async () => {
  const { attach, routes } = insistOn("sse", { sse: works(), ws: works(), webrtc: works() });
  attach();
  await settled();
  assert.deepEqual(routes, [{ transport: "sse", why: "as asked", tried: [] }]);
});

test("what is moved to is read from the next attachment on, and said why", async () => {
  const { choice, attach, routes } = choose("sse", {});
  attach();
  await settled();
  choice.move("ws", "switched by you");
  attach();
  await settled();
  assert.deepEqual(routes.at(-1), { transport: "ws", why: "switched by you", tried: [] });
  assert.equal(choice.wanted, "ws");
});

test("an upgrade that fails is left at once, for the way there was", async () => {
  let up = true;
  /** @type {Transport} */
  const flaky = { attach: async (_s, _a, reader) => (up ? reader.opened() : Promise.reject(new Error("silent for 2 s"))), stop: async () => {} };
  const { choice, attach, routes } = choose("auto", { webrtc: flaky });
  attach();
  await settled();
  assert.equal(choice.upgradable, true);
  choice.upgrade("it opened");
  await attach();
  up = false;
  attach();
  await settled();
  assert.deepEqual(routes.map(({ transport, why }) => [transport, why]), [
    ["ws", "chosen automatically"],
    ["webrtc", "it opened"],
    ["ws", "in place of WebRTC"],
  ]);
  assert.equal(choice.upgradable, false);
});

test("nothing is upgraded that was asked for, that only the kernel has, or that has no server", async () => {
  for (const { choice, attach } of [choose("ws", {}), choose("auto", {}, "kernel"), choose("auto", { ws: undefined, sse: undefined, webrtc: undefined })]) {
    attach();
    await settled();
    assert.equal(choice.upgradable, false);
  }
  assert.deepEqual(choose("auto", {}, "kernel").choice.choices, []);
});

test("where everything failed the first is tried again, and where the kernel is silent in its place too", async () => {
  let up = false;
  /** @type {Transport} */
  const back = { attach: (stream, after, reader, signal) => (up ? works().attach(stream, after, reader, signal) : Promise.reject(new Error("down"))), stop: async () => {} };
  const down = fails(new Error("down"));
  const failed = choose("auto", { ws: back, sse: down, comm: down });
  await assert.rejects(failed.attach(), /down/);
  const silent = choose("auto", { ws: back, sse: down });
  assert.equal(silent.choice.retry(), false);
  silent.attach();
  await settled();
  assert.equal(silent.routes.at(-1)?.transport, "comm");
  up = true;
  assert.equal(silent.choice.retry(), true);
  for (const { attach, routes } of [failed, silent]) {
    attach();
    await settled();
    assert.equal(routes.at(-1)?.transport, "ws");
  }
});
