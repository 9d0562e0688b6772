import assert from "node:assert/strict";
import { test } from "node:test";
import { Joiner, split } from "../src/lib/messages.js";

const MESSAGE = { stream: "s", events: [{ type: "text", seq: 1, at: 2, block: 0, delta: 'blå "himmel" \\ 🌊\n'.repeat(40) }] };
const TEXT = JSON.stringify(MESSAGE);

test("a message that fits travels as it is", () => {
  assert.deepEqual(split(TEXT, 1 << 16), [TEXT]);
});

test("parts are within the limit and join to the message, whatever the limit", () => {
  for (const limit of [80, 100, 127, 500, 1500]) {
    const joiner = new Joiner();
    const whole = split(TEXT, limit).map((text) => {
      assert.ok(Buffer.byteLength(text) <= limit, `${Buffer.byteLength(text)} > ${limit}`);
      return joiner.take(JSON.parse(text));
    });
    assert.deepEqual(whole.pop(), MESSAGE);
    assert.ok(whole.every((message) => message === null));
  }
});

test("parts of several messages may come mixed and out of order, and other messages between them", () => {
  const joiner = new Joiner();
  const first = split(TEXT, 300).map((text) => JSON.parse(text));
  const second = split(TEXT.replace('"s"', '"t"'), 300).map((text) => JSON.parse(text));
  const mixed = [...first.slice(1), ...second.slice(1).reverse(), { op: "pong" }, first[0], second[0]];
  const whole = mixed.map((message) => joiner.take(message)).filter((message) => message !== null);
  assert.deepEqual(whole, [{ op: "pong" }, MESSAGE, { ...MESSAGE, stream: "t" }]);
});

test("messages that never complete are not kept without bound", () => {
  const joiner = new Joiner();
  assert.throws(() => {
    for (let id = 0; id < 100; id++) joiner.take({ part: [id, 0, 2], data: "x" });
  }, /parts/);
});
