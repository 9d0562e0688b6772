import assert from "node:assert/strict";
import { test } from "node:test";
import { SSEParser } from "../src/lib/sse.js";
import { randomCuts } from "./tools.js";

const BYTES = new TextEncoder().encode(
  "\ufeff: hello\n\n" +
    'id: 0\r\ndata: {"t":"blå \u2028 himmel 🌊"}\r\n\r\n' +
    "id: 1\rdata:first\rdata: second\r\r" +
    ": keep-alive\n: sent 512\n: sent later\n" +
    "event: ignored\nid: 2\nretry: 5\ndata\ndata:  two spaces\n\n" +
    "id: 3\ndata: unfinished",
);
const MESSAGES = [
  { id: "0", data: '{"t":"blå \u2028 himmel 🌊"}', sent: undefined },
  { id: "1", data: "first\nsecond", sent: undefined },
  { id: "2", data: "\n two spaces", sent: 512 },
];

/** @param {Uint8Array[]} pieces */
function parse(pieces) {
  const parser = new SSEParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

test("a whole body gives its messages, and nothing for the unfinished one", () => {
  assert.deepEqual(parse([BYTES]), MESSAGES);
});

test("byte by byte gives the same", () => {
  assert.deepEqual(parse([...BYTES].map((byte) => Uint8Array.of(byte))), MESSAGES);
});

test("any cuts give the same", () => {
  for (let seed = 1; seed <= 500; seed++) assert.deepEqual(parse(randomCuts(BYTES, seed)), MESSAGES, `seed ${seed}`);
});

test("a message is there as soon as its last line ends, also when the line ends with CR", () => {
  const parser = new SSEParser();
  assert.deepEqual(parser.push(new TextEncoder().encode("data: a\r\n\r")), [{ id: null, data: "a", sent: undefined }]);
  assert.deepEqual(parser.push(new TextEncoder().encode("\ndata: b\r\n\r\n")), [{ id: null, data: "b", sent: undefined }]);
});
