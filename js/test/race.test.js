import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { axisEnd, axisMarks, ticksPath } from "../src/race/axis.js";
import { delays, leader } from "../src/race/lead.js";

const CASES = JSON.parse(readFileSync(new URL("../../tests/data/race.json", import.meta.url), "utf8"));

for (const { name, lanes, delays: behind, leader: first } of CASES) {
  test(`as in Python: ${name}`, () => {
    assert.deepEqual(delays(lanes), behind);
    assert.deepEqual(leader(lanes), first);
  });
}

test("the axis reaches as far as it must, and not twice as far", () => {
  for (let us = 100_000; us < 1e9; us = Math.ceil(us * 1.07)) {
    assert.ok(axisEnd(us) >= us);
    assert.ok(axisEnd(us) <= 1.6 * us, `${us}`);
  }
});

test("its marks are round times from 0 to its end", () => {
  assert.deepEqual(axisMarks(4_000_000).map(([, words]) => words), ["0 s", "1 s", "2 s", "3 s", "4 s"]);
  assert.deepEqual(axisMarks(500_000).map(([, words]) => words), ["0.0 s", "0.1 s", "0.2 s", "0.3 s", "0.4 s", "0.5 s"]);
  for (let us = 100_000; us < 1e9; us = Math.ceil(us * 1.3)) assert.ok(axisMarks(axisEnd(us)).length <= 7);
});

test("ticks stay within the picture, one a column", () => {
  assert.equal(ticksPath([], [], 1000), "");
  const path = ticksPath([0, 1, 999, 1000, 5000], [1, 1, 1, 1, 1], 1000);
  assert.deepEqual(path.match(/M[\d.]+/g), ["M0.5", "M599.5"]);
});
