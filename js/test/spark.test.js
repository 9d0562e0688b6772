import assert from "node:assert/strict";
import { test } from "node:test";
import { WIDTH, sparkBands, sparkPath } from "../src/lib/spark.js";
import { initialState, reduce } from "../src/lib/state.js";

/** @param {[string, number][]} chunks their types, and when they came in ms */
function stateOf(...chunks) {
  const state = initialState();
  chunks.forEach(([type, ms], seq) => reduce(state, /** @type {any} */ ({ type, seq, at: ms * 1000, block: 0, delta: "abc", reason: "stop" })));
  return state;
}

test("the wait and the gaps that stand out are shaded, to scale", () => {
  const state = stateOf(["text", 200], ["text", 210], ["text", 220], ["text", 620], ["text", 630], ["end", 800]);
  assert.deepEqual(sparkBands(state), [{ x: 0, width: WIDTH / 4 }, { x: (220 / 800) * WIDTH, width: WIDTH / 2 }]);
});

test("where all is slow no gap stands out", () => {
  assert.equal(sparkBands(stateOf(["text", 300], ["text", 600], ["text", 900], ["text", 1200])).length, 1);
});

test("before the first content there is nothing to shade", () => {
  assert.deepEqual(sparkBands(stateOf()), []);
});

test("reasoning has ticks of its own", () => {
  const state = stateOf(["reasoning", 100], ["text", 200], ["end", 320]);
  assert.deepEqual([sparkPath(state, true), sparkPath(state, false)], ["M50.5 16V10", "M100.5 16V10"]);
});
