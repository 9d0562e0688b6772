import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { clock, figures, line } from "../src/lib/figures.js";
import { sparkPath } from "../src/lib/spark.js";
import { initialState, reduce } from "../src/lib/state.js";

/** The same cases are held against the Python side. */
const CASES = JSON.parse(readFileSync(new URL("../../tests/data/figures.json", import.meta.url), "utf8"));

for (const { name, events, ...expected } of CASES) {
  test(name, () => {
    const state = events.reduce(reduce, initialState());
    const of = figures(state);
    assert.deepEqual({ figures: of, line: line(of), spark: sparkPath(state) }, expected);
  });
}

test("a counting clock shows tenths and never runs ahead", () => {
  assert.deepEqual([0, 99_999, 1_250_000, 61_000_000, -5].map(clock), ["0.0 s", "0.0 s", "1.2 s", "61.0 s", "0.0 s"]);
});
