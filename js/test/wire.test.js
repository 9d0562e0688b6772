import assert from "node:assert/strict";
import { test } from "node:test";
import { Chunks, lastAt, lastSeq } from "../src/lib/chunks.js";
import { carriers, decoded, payload, readWire, readsOf } from "../src/lib/wire.js";
import { STREAMS, STREAM_BYTES, pageTap, tapped } from "../src/lib/wiretap.js";

/** @import { Direction } from "../src/lib/wire.js" */

const encoder = new TextEncoder();

/** @param {...[at: number, text: string, dir?: Direction]} list */
const frames = (...list) => readWire(list.map(([at, text, dir = "in"]) => ({ at, dir, bytes: encoder.encode(text) })));

/** @param {string} text */
const said = (text) => `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;

/** @param {...[at: number, delta: string]} list */
function chunks(...list) {
  const grown = new Chunks();
  grown.take(list.map(([at, delta], seq) => ({ type: "text", seq, at, block: 0, delta })));
  return grown.all;
}

test("one read may hold several messages, and one message several reads", () => {
  const [whole, begun, ended] = frames([1, said("a") + said("b")], [2, said("c").slice(0, 20)], [3, said("c").slice(20) + said("d")]);
  assert.deepEqual([whole.touches, whole.continues, whole.broken], [[0, 2], false, false]);
  assert.deepEqual([begun.touches, begun.continues, begun.broken], [[2, 3], false, true]);
  assert.deepEqual([ended.touches, ended.continues, ended.broken], [[2, 4], true, false]);
  const cut = ended.exchange.messages[2];
  assert.equal(ended.exchange.text.slice(cut.start, cut.end), said("c"));
});

test("messages end with any of the three line ends, wherever the reads are cut", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = [`event: x${end}data: {"a":1}${end}${end}`, `: alive${end}${end}`, `data: [DONE]${end}${end}`].join("");
    for (let size = 1; size < text.length; size++) {
      const reads = Array.from({ length: Math.ceil(text.length / size) }, (_, i) => /** @type {[number, string]} */ ([i, text.slice(i * size, (i + 1) * size)]));
      const [{ exchange }] = frames(...reads);
      assert.equal(exchange.framing, "sse", `${size}`);
      assert.equal(exchange.messages.length, 3, `${JSON.stringify(end)} ${size}`);
    }
  }
});

test("a request begins a new exchange, and a failure's body is none of the events", () => {
  const [out, body, again, events] = frames([1, "POST / HTTP/1.1\r\n\r\n{}", "out"], [2, '{"error":'], [3, "{}", "out"], [4, said("a")]);
  assert.deepEqual([out, body, again, events].map(({ exchange }) => exchange.framing), ["request", "body", "request", "sse"]);
  assert.equal(events.exchange.text, said("a"));
});

test("frames of a WebSocket are messages", () => {
  const [one, two] = frames([1, '{"type":"a"}'], [2, '{"type":"b"}']);
  assert.equal(one.exchange.framing, "messages");
  assert.deepEqual([one.touches, two.touches], [[0, 1], [1, 2]]);
});

test("a chunk was carried by the read in which its message was whole", () => {
  const wire = frames([0, "{}", "out"], [10, said("a") + said("b")], [20, said("c").slice(0, 30)], [30, said("c").slice(30)]);
  assert.deepEqual(carriers(chunks([10, "a"], [10, "b"], [30, "c"]), wire), [1, 1, 3]);
});

test("chunks of the same text are carried one by one", () => {
  const wire = frames([10, said("a")], [10, said("a")], [20, said("a")]);
  assert.deepEqual(carriers(chunks([10, "a"], [10, "a"], [20, "a"]), wire), [0, 1, 2]);
});

test("where no message says a chunk's text, it is the last frame that had come", () => {
  const wire = frames([10, said("ab")], [20, said("c")], [40, said("later")]);
  assert.deepEqual(carriers(chunks([10, "a"], [21, "x"]), wire), [0, 1]);
  assert.deepEqual(carriers(chunks([10, "a"]), []), [-1]);
});

test("frames of one instant were one read", () => {
  const wire = frames([0, "{}", "out"], [10, said("a")], [10, said("b")], [20, said("c")]);
  const reads = readsOf(wire, [1, 2, 3]);
  assert.equal(reads[0], undefined);
  assert.equal(reads[1], reads[2]);
  assert.deepEqual([reads[1]?.chunks, reads[3]?.number], [[0, 1], 2]);
});

test("frames come as base64, and half a character is whole with the next read", () => {
  const bytes = encoder.encode("data: ä\n\n");
  const raw = [bytes.slice(0, 7), bytes.slice(7)].map((part, at) => ({ frame: btoa(String.fromCharCode(...part)), at, dir: /** @type {Direction} */ ("in") }));
  const wire = readWire(decoded(raw));
  assert.equal(wire.map(({ text }) => text).join(""), "data: ä\n\n");
  assert.deepEqual(wire.map(({ size }) => size), [7, 3]);
});

test("several data lines are one message", () => {
  for (const end of ["\n", "\r\n", "\r"]) assert.equal(payload(['event: x', 'data: {"a":', "data: 1}", "", ""].join(end), "sse"), '{"a":\n1}');
  assert.equal(payload('data: {"a":"\u2028"}\n\n', "sse"), '{"a":"\u2028"}');
});

test("what was asked, and empty deltas, are no chunks; a tool's name stays with its pieces", () => {
  const grown = new Chunks();
  const events = [
    { type: "tool", seq: 0, at: 5, block: 0, name: "find" },
    { type: "tool", seq: 1, at: 8, block: 0, delta: "{}" },
    { type: "transcript", seq: 2, at: 9, block: 1, role: "user", delta: "hello" },
    { type: "text", seq: 3, at: 12, block: 2, delta: "a" },
  ];
  assert.deepEqual(grown.take(events.slice(0, 2)).map(({ name, gap }) => [name, gap]), [["find", 8]]);
  assert.deepEqual(grown.take(events).map(({ seq, gap }) => [seq, gap]), [[3, 4]]);
  assert.deepEqual([lastAt(grown.all, 7), lastAt(grown.all, 8), lastAt(grown.all, 99)], [-1, 0, 1]);
  assert.deepEqual([lastSeq(grown.all, 0), lastSeq(grown.all, 2), lastSeq(grown.all, 3)], [-1, 0, 1]);
});

test("the page keeps what travelled, up to a limit, of so many streams", () => {
  const tap = { tapes: new Map(), peer: null };
  tapped("ws", "in", "s", '{"stream":"s"}', undefined, tap);
  tapped("ws", "in", undefined, '{"op":"pong"}', undefined, tap);
  tapped("ws", "in", "s", "x".repeat(STREAM_BYTES), undefined, tap);
  const tape = tap.tapes.get("s");
  assert.deepEqual([tape.messages.length, tape.dropped], [1, 1]);
  for (let i = 0; i < STREAMS; i++) tapped("sse", "in", `later ${i}`, "data", undefined, tap);
  assert.equal(tap.tapes.size, STREAMS);
  assert.equal(tap.tapes.has("s"), false);
  assert.equal(pageTap(), pageTap());
});
