import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../src/lib/follow.js";
import { GivenUp, Refused } from "../src/lib/transport.js";
import { FakeTime, generator, journal, nextTurn, settled } from "./tools.js";

/** @import { StreamEvent } from "../src/lib/messages.js" */
/** @import { Transport } from "../src/lib/transport.js" */

const EVENTS = journal(8);
const SEQS = EVENTS.map(({ seq }) => seq);

/**
 * A transport whose connections each deliver what their script makes of the events behind `after`.
 * @param {((events: StreamEvent[]) => StreamEvent[] | Error)[]} scripts the last one goes on for ever
 * @returns {Transport & {asked: number[]}}
 */
function scripted(scripts) {
  /** @type {number[]} */
  const asked = [];
  return {
    asked,
    async attach(_stream, after, reader) {
      const script = scripts[Math.min(asked.length, scripts.length - 1)];
      asked.push(after);
      await nextTurn();
      const events = script(EVENTS.slice(after + 1));
      if (events instanceof Error) throw events;
      reader.opened();
      for (const event of events) reader.events([event]);
    },
    async stop() {},
  };
}

/** @param {Transport} transport */
function follow(transport) {
  const timers = new FakeTime();
  /** @type {number[]} */
  const seqs = [];
  /** @type {string[]} */
  const statuses = [];
  const follower = new Follower({
    stream: "s",
    transport,
    timers,
    random: () => 1,
    onEvents: (events) => void seqs.push(...events.map(({ seq }) => seq)),
    onStatus: (status, reason) => void statuses.push(reason ? `${status}: ${reason}` : status),
  });
  return { follower, timers, seqs, statuses, done: follower.start() };
}

const all = (/** @type {StreamEvent[]} */ events) => events;

test("cut anywhere, in any of four ways, it misses nothing and doubles nothing", async () => {
  for (let k = 0; k <= EVENTS.length; k++) {
    const ways = {
      ends: scripted([(events) => events.slice(0, k), all]),
      "cannot open": scripted([(events) => events.slice(0, k), () => new Error("down"), () => new Error("down"), all]),
      "loses one": scripted([(events) => events.filter((_, i) => i !== k), all]),
      "comes twice": scripted([(events) => [...events.slice(0, k), ...events], all]),
    };
    for (const [way, transport] of Object.entries(ways)) {
      const { done, timers, seqs, follower } = follow(transport);
      await timers.pass(5000);
      await done;
      assert.deepEqual(seqs, SEQS, `${way} at ${k}`);
      assert.equal(follower.status, "ended");
    }
  }
});

test("under random cuts, losses and repeats too", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = generator(seed);
    const chaos = (/** @type {StreamEvent[]} */ events) => {
      const some = events.slice(0, Math.floor(random() * (events.length + 1))).filter(() => random() > 0.15);
      return random() < 0.3 ? [...EVENTS.slice(0, 3), ...some] : some;
    };
    const { done, timers, seqs } = follow(scripted([...Array(12).fill(chaos), all]));
    await timers.pass(200_000);
    await done;
    assert.deepEqual(seqs, SEQS, `seed ${seed}`);
  }
});

test("it asks only for what it lacks", async () => {
  const transport = scripted([(events) => events.slice(0, 4), (events) => events.slice(0, 2), all]);
  const { timers, done } = follow(transport);
  await timers.pass(5000);
  await done;
  assert.deepEqual(transport.asked, [-1, 3, 5]);
});

test("it waits longer each time up to 8 s, and begins anew after progress", async () => {
  const down = () => new Error("down");
  /** @type {number[]} */
  const waits = [];
  const timers = { setTimeout: (/** @type {() => void} */ f, /** @type {number} */ ms) => (waits.push(ms), queueMicrotask(f)), clearTimeout() {} };
  const transport = scripted([...Array(8).fill(down), (events) => events.slice(0, 1), down, all]);
  await new Follower({ stream: "s", transport, timers, random: () => 1, onEvents() {}, onStatus() {} }).start();
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 250, 500]);
});

test("back on line it does not wait", async () => {
  const transport = scripted([...Array(7).fill(() => new Error("down")), all]);
  const { follower, timers, seqs } = follow(transport);
  await timers.pass(16_000);
  const tried = transport.asked.length;
  follower.retry();
  await settled();
  assert.equal(transport.asked.length, tried + 1);
  await timers.pass(5000);
  assert.deepEqual(seqs, SEQS);
});

test("a stream that is not there any more is said once, and not asked for again", async () => {
  const transport = scripted([(events) => events.slice(0, 2), () => new Refused("not_found", "The server keeps no such stream.")]);
  const { timers, statuses, done } = follow(transport);
  await timers.pass(60_000);
  await done;
  assert.deepEqual(statuses, [
    "attaching",
    "attached",
    "reattaching: the connection ended before the stream did",
    "refused: The server keeps no such stream.",
  ]);
  assert.equal(transport.asked.length, 2);
});

test("left and started again it goes on where it was", async () => {
  /** @type {Transport & {asked: number[]}} */
  const hanging = {
    asked: [],
    attach(_stream, after, reader, signal) {
      this.asked.push(after);
      reader.opened();
      reader.events(EVENTS.slice(after + 1, after + 4));
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    async stop() {},
  };
  const { follower, seqs, done } = follow(hanging);
  await settled();
  follower.leave();
  const again = follower.start();
  await done;
  await settled();
  assert.deepEqual(hanging.asked, [-1, 2]);
  assert.deepEqual(seqs, [0, 1, 2, 3, 4, 5]);
  follower.leave();
  await again;
  assert.equal(follower.status, "left");
});

test("what was given up is not tried again", async () => {
  const transport = scripted([() => /** @type {any} */ (new GivenUp("no direct path"))]);
  const { statuses, done } = follow(transport);
  await done;
  assert.deepEqual(statuses, ["attaching", "refused: no direct path"]);
  assert.deepEqual(transport.asked, [-1]);
});

test("moved anywhere in the middle, it goes on at once, misses nothing and doubles nothing", async () => {
  for (let k = 0; k < EVENTS.length - 1; k++) {
    /** @type {Transport & {asked: number[]}} */
    const hanging = {
      asked: [],
      attach(_stream, after, reader, signal) {
        this.asked.push(after);
        reader.opened();
        reader.events(this.asked.length === 1 ? EVENTS.slice(0, k + 1) : EVENTS.slice(after));
        return new Promise((_, reject) => {
          if (signal.aborted) reject(signal.reason);
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
      async stop() {},
    };
    const { follower, seqs, statuses, done } = follow(hanging);
    await settled();
    follower.move();
    await done;
    assert.deepEqual(seqs, SEQS);
    assert.deepEqual(hanging.asked, [-1, k]);
    assert.deepEqual(statuses, ["attaching", "attached", "attached", "ended"], "no time passed, and nothing was lost");
  }
});
