import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { pageLeg, providerLeg } from "../src/inspector/leg.js";
import { Chunks } from "../src/lib/chunks.js";
import { split } from "../src/lib/messages.js";
import { pageTap, tapped } from "../src/lib/wiretap.js";
import { journal } from "./tools.js";

afterEach(() => pageTap().tapes.clear());

/** @param {import("../src/lib/messages.js").StreamEvent[]} events */
function chunksOf(events) {
  const chunks = new Chunks();
  chunks.take(events);
  return chunks.all;
}

test("what came over a socket: each row a message, and what it brought", () => {
  const events = journal(4);
  tapped("ws", "out", "s", { op: "attach", stream: "s", after: -1 });
  tapped("ws", "in", "s", JSON.stringify({ stream: "s", events: events.slice(0, 3) }));
  tapped("ws", "in", "s", JSON.stringify({ stream: "s", events: events.slice(3) }));
  const { rows, carried } = pageLeg("s", chunksOf(events));
  assert.deepEqual(rows.map(({ kind, dir, transport }) => [kind, dir, transport]), [
    ["attach", "out", "ws"],
    ["start, text", "in", "ws"],
    ["text, end", "in", "ws"],
  ]);
  assert.deepEqual(carried, [1, 1, 2, 2]);
  assert.deepEqual(rows[2].brought, [2, 3]);
});

test("server-sent events: reads and messages are not the same", () => {
  const events = journal(3);
  const body = new TextEncoder().encode(`:\n\n${events.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`).join("")}`);
  tapped("sse", "out", "s", "GET /tokenwidgets/streams/s/events HTTP/1.1\r\n\r\n");
  for (const read of [body.slice(0, 200), body.slice(200)]) tapped("sse", "in", "s", read);
  const { rows, carried } = pageLeg("s", chunksOf(events));
  assert.deepEqual(rows.map(({ continues, broken }) => [continues, broken]), [[false, false], [false, true], [true, false]]);
  assert.equal(rows[0].kind, "request");
  assert.deepEqual(carried, [1, 2, 2]);
});

test("a message in parts is one row that says so", () => {
  const events = journal(40);
  const texts = split(JSON.stringify({ stream: "s", events }), 900);
  tapped("webrtc", "in", "s", texts.join(""), texts);
  const { rows, carried } = pageLeg("s", chunksOf(events));
  assert.equal(rows.length, 1);
  assert.equal(rows[0].parts?.length, texts.length);
  assert.deepEqual(new Set(carried), new Set([0]));
});

test("a stream read over two ways is told in the order of time, and an event belongs to what brought it first", () => {
  const events = journal(1);
  tapped("ws", "in", "s", JSON.stringify({ stream: "s", events }));
  tapped("comm", "in", "s", { stream: "s", events });
  const { rows, carried } = pageLeg("s", chunksOf(events));
  assert.deepEqual(rows.map(({ transport, index }) => [transport, index]), [["ws", 0], ["comm", 1]]);
  assert.deepEqual(carried, [0]);
});

test("of a stream that the page never read there is nothing", () => {
  assert.deepEqual(pageLeg("another", []).rows, []);
});

test("the provider's leg: kinds and what each frame brought", () => {
  const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
  const text = 'data: {"choices":[{"delta":{"content":"w0 "}}]}\n\n';
  const travelled = /** @type {const} */ ([{ at: 0, dir: "out", bytes: bytes("{}") }, { at: 1000, dir: "in", bytes: bytes(`${text}: alive\n\ndata: [DONE]\n\n`) }]);
  const { rows, dropped } = providerLeg([...travelled], chunksOf(journal(1)), 3);
  assert.deepEqual(rows.map(({ kind, brought }) => [kind, brought]), [["request", []], ["text, comment, done", [0]]]);
  assert.equal(dropped, 3);
});
