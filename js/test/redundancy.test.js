import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel } from "../src/lib/channel.js";
import { AHEAD_EVENTS, Receiver } from "../src/lib/redundancy.js";
import { generator, journal, settled } from "./tools.js";

/** @import { Message, StreamEvent } from "../src/lib/messages.js" */

/** @param {(message: Message) => void} [acknowledge] */
function reading(acknowledge, after = -1) {
  /** @type {any[]} */
  const sent = [];
  /** @type {StreamEvent[]} */
  const got = [];
  const channel = new Channel({ send: (message) => sent.push(message), via: acknowledge ? "tokens" : "unordered", acknowledge });
  const over = channel.attach("s", after, { opened() {}, events: (events) => void got.push(...events) }, new AbortController().signal);
  return { channel, sent, got, over };
}

/**
 * A stream over a link that loses, doubles and delays messages both ways; its sender repeats what was not acknowledged.
 * @param {StreamEvent[]} events
 * @param {() => number[]} fate of a packet: in how many steps each copy of it arrives
 */
function delivered(events, fate) {
  /** @type {{at: number, deliver: () => void}[]} */
  let flying = [];
  let [now, given, acked] = [0, 0, -1];
  const post = (/** @type {() => void} */ deliver) => flying.push(...fate().map((delay) => ({ at: now + delay, deliver })));
  const { channel, got, over } = reading(({ seq = -1 }) => post(() => (acked = Math.max(acked, seq))));
  for (; acked < events.length - 1 && now < 10_000; now++) {
    given = Math.min(given + 1, events.length);
    const message = { stream: "s", sent: now, events: events.slice(acked + 1, given).slice(0, 9) };
    if (message.events.length) post(() => channel.receive(message));
    const due = flying.filter(({ at }) => at <= now);
    flying = flying.filter(({ at }) => at > now);
    for (const { deliver } of due) deliver();
    if (got.length === events.length) break; // the page has left: nobody acknowledges the end any more
  }
  return { got, over };
}

test("every loss of a short stream, both ways: in order, complete, once, and it ends", async () => {
  const events = journal(1);
  for (let pattern = 0; pattern < 2 ** 10; pattern++) {
    let packet = 0;
    const { got, over } = delivered(events, () => (pattern & (1 << packet++) ? [] : [1]));
    assert.deepEqual(got, events, `pattern ${pattern}`);
    await over;
  }
});

test("random losses, doubles and delays", async () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = generator(seed);
    const loss = random() * 0.6;
    const fate = () => (random() < loss ? [] : Array.from({ length: random() < 0.2 ? 2 : 1 }, () => 1 + Math.floor(random() * 12)));
    const events = journal(Math.floor(random() * 80));
    const { got, over } = delivered(events, fate);
    assert.deepEqual(got, events, `seed ${seed}`);
    await over;
  }
});

test("each message is acknowledged with what is there without a gap, and when it was sent", () => {
  const events = journal(3);
  /** @type {Message[]} */
  const acks = [];
  const { channel, sent, got } = reading((message) => acks.push(message));
  assert.deepEqual(sent, [{ op: "attach", stream: "s", after: -1, via: "tokens" }]);
  channel.receive({ stream: "s", sent: 10, events: events.slice(0, 1) });
  channel.receive({ stream: "s", sent: 30, events: events.slice(2, 3) });
  channel.receive({ stream: "s", sent: 20, events: events.slice(0, 2) });
  assert.deepEqual(acks, [[0, 10], [0, 30], [2, 20]].map(([seq, sent]) => ({ op: "ack", stream: "s", seq, sent })));
  assert.deepEqual(got.map(({ seq }) => seq), [0, 1, 2]);
});

test("with the end the page leaves, so that nobody waits for an acknowledgement that was lost", async () => {
  const { channel, sent, over } = reading(() => {});
  channel.receive({ stream: "s", events: journal(1) });
  await over;
  assert.deepEqual(sent.at(-1), { op: "detach", stream: "s" });
  channel.receive({ stream: "s", events: journal(1) }); // once more, as the last message was on its way
  assert.equal(sent.length, 2);
});

test("a second reader that wants more has it all, whatever was on its way", async () => {
  const events = journal(4);
  const { channel, got } = reading(() => {}, 1);
  channel.receive({ stream: "s", events: events.slice(2, 4) });
  /** @type {number[]} */
  const late = [];
  const all = channel.attach("s", -1, { opened() {}, events: (news) => void late.push(...news.map(({ seq }) => seq)) }, new AbortController().signal);
  channel.receive({ stream: "s", events: events.slice(4, 5) }); // was on its way before the second attach
  channel.receive({ stream: "s", events: events.slice(0, 3) });
  channel.receive({ stream: "s", events: events.slice(2) });
  await all;
  assert.deepEqual(late, [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(got.map(({ seq }) => seq), [2, 3, 4, 5]);
});

test("over a reliable way without order nothing is acknowledged", async () => {
  const events = journal(2);
  const { channel, sent, got, over } = reading();
  assert.equal(sent[0].via, "unordered");
  for (const event of events.toReversed()) channel.receive({ stream: "s", events: [event] });
  await over;
  await settled();
  assert.deepEqual(got, events);
  assert.deepEqual(sent.map(({ op }) => op), ["attach", "detach"]);
});

test("only so much is kept ahead of what is missing", () => {
  const receiver = new Receiver(-1);
  const event = (/** @type {number} */ seq) => ({ type: "text", seq, at: 0 });
  assert.deepEqual(receiver.take(Array.from({ length: AHEAD_EVENTS }, (_, i) => event(i + 1))), []);
  assert.throws(() => receiver.take([event(AHEAD_EVENTS + 1)]), /ahead/);
});
