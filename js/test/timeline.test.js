import assert from "node:assert/strict";
import { test } from "node:test";
import { Chunks } from "../src/lib/chunks.js";
import { gapsOf, levelOf } from "../src/timeline/delays.js";
import { Playhead, shifted } from "../src/timeline/playhead.js";
import { marks, ticks } from "../src/timeline/track.js";
import { positionWords, ranges, readWords } from "../src/timeline/words.js";

/** @param {...number} ats */
function chunks(...ats) {
  const grown = new Chunks();
  grown.take(ats.map((at, i) => ({ type: "text", seq: 10 + i, at, block: 0, delta: "word " })));
  return grown.all;
}

/** @param {number[]} ats @param {number} end */
function playhead(ats, end) {
  const made = new Playhead(chunks(...ats));
  made.extend(end);
  return made;
}

/** @param {Playhead} playhead */
const place = ({ at, index }) => [at, index];

test("it follows a stream until the reader takes it", () => {
  const list = chunks(100, 200);
  const head = new Playhead(list);
  head.extend(250);
  assert.deepEqual(place(head), [250, 1]);
  head.seek(150);
  head.extend(900);
  assert.deepEqual(place(head), [150, 0]);
  head.follow();
  assert.deepEqual(place(head), [900, 1]);
});

test("an instant counts all chunks that had come; a step only one, also within one read", () => {
  const head = playhead([100, 200, 200, 200], 300);
  head.seek(200);
  assert.deepEqual(place(head), [200, 3]);
  head.step(-1);
  assert.deepEqual(place(head), [200, 2]);
  head.step(-10);
  assert.deepEqual(place(head), [0, -1]);
  head.step(99);
  assert.deepEqual(place(head), [200, 3]);
  head.seek(-5);
  assert.deepEqual(place(head), [0, -1]);
  head.select(11);
  assert.deepEqual(place(head), [200, 1]);
});

test("it plays in the stream's time, to its end, and from the beginning again", () => {
  const head = playhead([100, 200], 300);
  head.play();
  assert.deepEqual(place(head), [0, -1]);
  head.advance(120);
  assert.deepEqual(place(head), [120, 0]);
  head.advance(500);
  assert.deepEqual([...place(head), head.playing], [300, 1, false]);
  head.play();
  assert.deepEqual([...place(head), head.playing], [0, -1, true]);
});

test("playing on from a step keeps the step's place", () => {
  const head = playhead([200, 200, 400], 500);
  head.to(0);
  head.play();
  head.advance(1);
  assert.deepEqual(place(head), [201, 1]);
});

test("long silences are passed over, and it says so; others are kept", () => {
  const head = playhead([5_000_000, 5_500_000], 6_000_000);
  head.skipping = true;
  head.seek(0);
  head.play();
  head.advance(0);
  assert.deepEqual([head.at, head.skipped], [4_800_000, 4_800_000]);
  head.advance(300_000);
  assert.deepEqual(place(head), [5_100_000, 0]);
  head.advance(100_000);
  assert.equal(head.at, 5_200_000);
});

test("speeds have ends", () => {
  assert.deepEqual([shifted(1, 1), shifted(1, -1), shifted(8, 1), shifted(0.1, -1), shifted(3, 1)], [2, 0.5, 8, 0.1, 4]);
});

test("tints are those of the static form", () => {
  assert.deepEqual([0, 14_999, 15_000, 50_000, 150_000, 500_000, 9e9].map(levelOf), [0, 0, 1, 2, 3, 4, 5]);
});

test("silences that stand out: the wait, and those much longer than the median", () => {
  const gaps = gapsOf(chunks(300_000, 310_000, 320_000, 900_000, 910_000));
  assert.deepEqual(gaps, [{ from: 0, to: 300_000, wait: true }, { from: 320_000, to: 900_000, wait: false }]);
  assert.deepEqual(gapsOf([]), []);
  assert.equal(gapsOf(chunks(5)).length, 1);
});

test("however many chunks there are, the picture stays small", () => {
  const many = chunks(...Array.from({ length: 20_000 }, (_, i) => i * 1000));
  assert.ok(ticks(many, 20_000_000).length < 30_000);
});

test("the axis has round marks", () => {
  assert.deepEqual(marks(2_660_000), [0, 500_000, 1_000_000, 1_500_000, 2_000_000, 2_500_000]);
  assert.deepEqual(marks(0), [0]);
});

test("positions and reads in words", () => {
  const list = chunks(400_000, 438_000);
  assert.equal(positionWords({ .../** @type {any} */ ({}), at: 438_000, index: 1 }, list), "0.44 s, chunk 2 of 2, 38 ms after the chunk before");
  assert.equal(positionWords(/** @type {any} */ ({ at: 0, index: -1 }), list), "0.00 s, before the first of 2 chunks");
  assert.equal(readWords({ number: 3, chunks: [4, 5, 6, 9] }, 12, 5), "3 of 12, together with 5, 7, 10");
  assert.equal(readWords({ number: 1, chunks: [0] }, 12, 0), "1 of 12, alone in it");
  assert.equal(readWords(undefined, 0, 0), "no frame is known to have carried it");
  assert.equal(ranges([1, 2, 3, 7, 9, 11, 13]), "1–3, 7, 9, 11, …");
});
