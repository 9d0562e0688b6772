import assert from "node:assert/strict";
import { test } from "node:test";
import { Changes } from "../src/lab/changes.js";
import { FALL_US, Feed, NEAR_US, WIRE_US, placeOf } from "../src/lab/feed.js";
import { behind, drawing, linkWords, predicted, progress } from "../src/lab/words.js";
import { settled } from "./tools.js";

/** @param {number} n @param {object} fields @returns {import("../src/lab/feed.js").Message} */
const message = (n, fields = {}) => ({ run: 1, n, now: 0, given: [], shown: [], packets: [], every: 1, ...fields });

/** A feed of two lanes. */
const feed = () => new Feed(2);

test("a token is painted when its lane has shown it, the drawn wire later", () => {
  const one = feed();
  one.take(message(0, { now: 100_000, given: [[0, 0, "Hello "]], shown: [[0, 0, 50_000], [1, 0, 90_000]] }), 100_000);
  one.advance(NEAR_US + WIRE_US + 49_999);
  assert.deepEqual(one.texts, ["", ""]);
  one.advance(NEAR_US + WIRE_US + 50_000);
  assert.deepEqual(one.texts, ["Hello ", ""]);
  one.advance(NEAR_US + WIRE_US + 90_000);
  assert.deepEqual(one.texts, ["Hello ", "Hello "]);
});

test("messages that are late hold nothing back: the clock is that of the quickest", () => {
  const one = feed();
  one.take(message(0, { now: 0, given: [[0, 0, "a"]] }), 5_000);
  one.take(message(1, { now: 50_000 }), 52_000);
  one.take(message(2, { now: 100_000 }), 180_000);
  assert.equal(one.near(200_000), 198_000 - NEAR_US);
});

test("a message that comes twice counts once; one that was missed is told", () => {
  const one = feed();
  assert.equal(one.take(message(0, { given: [[0, 0, "a"]] }), 0), true);
  assert.equal(one.take(message(0, { given: [[0, 0, "a"]] }), 0), true);
  assert.equal(one.take(message(2), 0), false);
  one.restart({ run: 1, n: 3, now: 90_000, given: [[0, 0, "a "], [1, 1, "b "], [2, 2, "c "]], reached: [1, -1] }, 0);
  assert.deepEqual(one.texts, ["a b ", ""]);
  assert.equal(one.take(message(3, { shown: [[0, 2, 90_000]] }), 0), true);
  one.advance(2_000_000);
  assert.deepEqual(one.texts, ["a b c ", ""]);
});

test("the next run begins anew, and what is left of the one before is passed over", () => {
  const one = feed();
  one.take(message(0, { now: 5, given: [[0, 0, "old "]], shown: [[0, 0, 1]] }), 0);
  one.advance(9_000_000);
  assert.equal(one.take(message(0, { run: 2, now: 5, given: [[0, 0, "new "]], shown: [[0, 0, 1]] }), 0), true);
  assert.equal(one.take(message(1, { run: 1, given: [[1, 2, "old "]] }), 0), true);
  one.advance(9_000_000);
  assert.equal(one.texts[0], "new ");
  assert.equal(one.take(message(4, { run: 3 }), 0), false);
});

test("a packet flies as long as it did and the wire is longer; what comes back goes back", () => {
  const packet = { lane: 0, forward: true, size: 100, at: 10_000, to: 60_000, lost: 0 };
  assert.equal(placeOf(packet, 9_999), null);
  assert.equal(placeOf(packet, 10_000)?.x, 0);
  assert.equal(placeOf(packet, 60_000 + WIRE_US)?.x, 1);
  const back = { ...packet, forward: false };
  assert.equal(placeOf(back, 10_000 + WIRE_US)?.x, 1);
  assert.equal(placeOf(back, 60_000 + 2 * WIRE_US)?.x, 0);
});

test("what is lost falls on its way, what found the queue full as it enters; then both are forgotten", () => {
  const lost = { lane: 0, forward: true, size: 100, at: 0, to: 0, lost: 1 };
  assert.deepEqual(placeOf(lost, 0.35 * WIRE_US), { x: 0.35, fallen: 0 });
  assert.equal(placeOf(lost, 0.35 * WIRE_US + FALL_US)?.fallen, 1);
  assert.ok((placeOf({ ...lost, lost: 2 }, WIRE_US)?.x ?? 1) < 0.1);
  const one = feed();
  one.take(message(0, { now: 1, packets: [[0, 1, 100, 0, 0, 1], [1, 0, 60, 0, 50_000, 0]] }), 0);
  assert.equal(one.packets.length, 2);
  assert.equal(one.busy(0), true);
  one.advance(5_000_000);
  assert.equal(one.packets.length, 0);
  assert.equal(one.busy(5_000_000), false);
});

test("before a run nothing moves", () => assert.equal(feed().busy(0), false));

test("of what a slider says while the kernel is busy only the newest is sent", async () => {
  /** @type {any[]} */
  const sent = [];
  /** @type {((answer?: any) => void)[]} */
  const answers = [];
  /** @type {string[]} */
  const failures = [];
  const changes = new Changes((op, fields) => new Promise((resolve) => (sent.push([op, fields]), answers.push(resolve))), (why) => failures.push(why));
  changes.set({ loss: 0.1 });
  changes.set({ loss: 0.2 });
  changes.set({ loss: 0.3, cut: true });
  assert.deepEqual(changes.pending, { loss: 0.3, cut: true });
  answers[0]();
  await settled();
  assert.deepEqual(sent, [["change", { loss: 0.1 }], ["change", { loss: 0.3, cut: true }]]);
  answers[1]();
  await settled();
  assert.deepEqual(changes.pending, {});
  assert.deepEqual(failures, ["", ""]);
});

test("a change that is refused is told, and is no more pending", async () => {
  /** @type {string[]} */
  const failures = [];
  const changes = new Changes(async () => Promise.reject(new Error("A recording cannot be changed.")), (why) => failures.push(why));
  changes.set({ loss: 0.1 });
  await settled();
  assert.deepEqual([failures, changes.pending], [["A recording cannot be changed."], {}]);
});

test("its words", () => {
  const link = { loss: 0.05, burst: 1, delay_ms: 50, jitter_ms: 0, kbit_s: null, cut: false };
  assert.equal(linkWords(link), "The link now: 5 % lost, 50 ms delay.");
  assert.equal(linkWords({ ...link, loss: 0.015, burst: 4, jitter_ms: 20, kbit_s: 64 }), "The link now: 1.5 % lost in bursts of 4, 50 ms delay, 20 ms jitter, 64 kbit/s.");
  assert.equal(linkWords({ ...link, cut: true }), "The cable is cut.");
  assert.equal(progress("running", 12, 250), "12 of 250 tokens");
  assert.equal(progress("running", 12, 0), "12 tokens");
  assert.equal(progress("over", 12, 250), "12 tokens");
  assert.equal(progress("idle", 0, 250), "");
  assert.equal(predicted("ws", [{ lane: "ws", name: "WebSocket" }]), "Your prediction: WebSocket stalls most.");
  assert.equal(predicted("skipped", []), "");
  const row = { lane: "ws", failed: "", tokens: 3, bars: [], at: [] };
  assert.deepEqual(behind({ ...row, words: { missing: "", behind: "2" } }), ["behind", "2"]);
  assert.deepEqual(behind({ ...row, words: { missing: "0", behind: "0" } }), ["missing", "0"]);
  assert.match(drawing(3), /1 in 3 packets is drawn/);
  assert.doesNotMatch(drawing(1), /1 in/);
});
