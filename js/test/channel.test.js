import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel } from "../src/lib/channel.js";
import { lease } from "../src/lib/hub.js";
import { FakeTime, journal, settled } from "./tools.js";

/** @import { StreamEvent } from "../src/lib/messages.js" */

const EVENTS = journal(4);

/** @param {object} [options] */
function open(options) {
  /** @type {any[]} */
  const sent = [];
  return { sent, channel: new Channel({ send: (message) => sent.push(message), ...options }) };
}

/** @param {Channel} channel @param {string} stream @param {number} after */
function read(channel, stream, after = -1) {
  /** @type {number[]} */
  const seqs = [];
  const leaving = new AbortController();
  const reader = {
    opened() {},
    events: (/** @type {StreamEvent[]} */ events) => void seqs.push(...events.map(({ seq }) => seq)),
  };
  let outcome = "reading";
  channel.attach(stream, after, reader, leaving.signal).then(
    () => (outcome = "ended"),
    (error) => (outcome = error.message),
  );
  return { seqs, leaving, outcome: async () => (await settled(), outcome) };
}

test("streams share a channel without mixing, and each ends for itself", async () => {
  const { channel, sent } = open();
  const a = read(channel, "a");
  const b = read(channel, "b", 2);
  assert.deepEqual(sent, [{ op: "attach", stream: "a", after: -1 }, { op: "attach", stream: "b", after: 2 }]);
  channel.receive({ stream: "a", events: EVENTS.slice(0, 2) });
  channel.receive({ stream: "b", events: EVENTS.slice(3) });
  assert.deepEqual([a.seqs, b.seqs], [[0, 1], [3, 4, 5]]);
  assert.deepEqual([await a.outcome(), await b.outcome()], ["reading", "ended"]);
});

test("two readers of one stream get all they asked for, once", async () => {
  const { channel, sent } = open();
  const early = read(channel, "a", 1);
  channel.receive({ stream: "a", events: EVENTS.slice(2, 4) });
  const late = read(channel, "a", -1);
  assert.deepEqual(sent.at(-1), { op: "attach", stream: "a", after: -1 });
  channel.receive({ stream: "a", events: EVENTS.slice(4, 5) }); // was on its way before the second attach
  channel.receive({ stream: "a", events: EVENTS.slice(0, 3) });
  channel.receive({ stream: "a", events: EVENTS.slice(3) });
  assert.deepEqual(early.seqs, [2, 3, 4, 5]);
  assert.deepEqual(late.seqs, [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([await early.outcome(), await late.outcome()], ["ended", "ended"]);
});

test("the last reader to leave detaches, not one before", async () => {
  const { channel, sent } = open();
  const one = read(channel, "a");
  const two = read(channel, "a");
  one.leaving.abort();
  assert.equal(sent.length, 1);
  two.leaving.abort();
  assert.deepEqual(sent.at(-1), { op: "detach", stream: "a" });
  assert.equal(await two.outcome(), "ended");
});

test("nothing behind the end, a refusal and a lost connection are told apart", async () => {
  const { channel } = open();
  const a = read(channel, "a", 5);
  const b = read(channel, "b");
  const c = read(channel, "c");
  channel.receive({ stream: "a", events: [] });
  channel.receive({ op: "refused", stream: "b", error: { code: "not_found", message: "There is no such stream." } });
  channel.fail("the socket was closed (1006)");
  assert.equal(await a.outcome(), "ended");
  assert.equal(await b.outcome(), "There is no such stream.");
  assert.equal(await c.outcome(), "the socket was closed (1006)");
  assert.equal(await read(channel, "d").outcome(), "the socket was closed (1006)");
});

test("a peer that falls silent is dead after 3 s; one that answers is not", async () => {
  const clock = new FakeTime();
  let closed = 0;
  const { channel, sent } = open({ clock, liveness: { every: 1000, dead: 3000 }, close: () => closed++ });
  const a = read(channel, "a");
  await clock.pass(1000);
  assert.equal(sent.at(-1).op, "ping");
  channel.receive({ op: "pong" });
  await clock.pass(3900);
  assert.equal(await a.outcome(), "reading");
  await clock.pass(200);
  assert.equal(await a.outcome(), "nothing was heard from the server for 3 s");
  assert.equal(closed, 1);
});

test("nobody reads, nobody pings", async () => {
  const clock = new FakeTime();
  const { channel, sent } = open({ clock, liveness: { every: 1000, dead: 3000 } });
  read(channel, "a");
  channel.receive({ stream: "a", events: EVENTS });
  await clock.pass(60_000);
  assert.deepEqual(sent.map(({ op }) => op), ["attach"]);
});

test("the page's one channel lives as long as somebody uses it, and a little longer", async () => {
  const timers = new FakeTime();
  const hub = { channels: new Map(), sse: 0 };
  let opened = 0;
  let closed = 0;
  const use = () => lease("ws", async () => (opened++, open({ close: () => closed++ }).channel), timers, hub);
  const one = use();
  const two = use();
  assert.equal(await one.value, await two.value);
  one.release();
  await timers.pass(10_000);
  assert.equal(closed, 0);
  two.release();
  await timers.pass(1000);
  const three = use();
  await timers.pass(10_000);
  assert.deepEqual([opened, closed], [1, 0]);
  three.release();
  await timers.pass(10_000);
  assert.deepEqual([opened, closed], [1, 1]);
  assert.notEqual(await use().value, await one.value);
});

test("a channel that broke or never opened is not handed out again", async () => {
  const timers = new FakeTime();
  const hub = { channels: new Map(), sse: 0 };
  const failing = lease("ws", () => Promise.reject(new Error("no")), timers, hub);
  await assert.rejects(failing.value, /no/);
  await settled();
  const { channel } = open();
  assert.equal(await lease("ws", async () => channel, timers, hub).value, channel);
  channel.fail("gone");
  await settled();
  const next = open().channel;
  assert.equal(await lease("ws", async () => next, timers, hub).value, next);
});

test("a stream's clock is asked by a ping of its own, and who has none is not waited for", async () => {
  const time = new FakeTime();
  const { channel, sent } = open({ clock: time });
  const asked = channel.clock("a");
  assert.deepEqual(sent, [{ op: "ping", t: 0, stream: "a" }]);
  time.time = 4;
  channel.receive({ op: "pong", t: 0, at: 77 });
  assert.deepEqual(await asked, { asked: 0, at: 77, answered: 4000 });
  const unknown = channel.clock("b");
  channel.receive({ op: "pong", t: 4 });
  await assert.rejects(unknown, /clock/);
  const cut = channel.clock("a");
  channel.fail("the socket was closed (1006)");
  await assert.rejects(cut, /1006/);
});

test("a reader learns when its events were written", () => {
  const { channel } = open();
  /** @type {(number | undefined)[]} */
  const written = [];
  channel.attach("a", -1, { opened() {}, events: (_, sent) => void written.push(sent) }, new AbortController().signal);
  channel.receive({ stream: "a", events: EVENTS.slice(0, 1), sent: 512 });
  channel.receive({ stream: "a", events: EVENTS.slice(1, 2) });
  assert.deepEqual(written, [512, undefined]);
});
