import assert from "node:assert/strict";
import { test } from "node:test";
import { initialState, reduce } from "../src/lib/state.js";
import { journal } from "./tools.js";

/** @param {...object} events */
function after(...events) {
  const state = initialState();
  events.forEach((event, seq) => reduce(state, /** @type {any} */ ({ seq, at: seq * 1000, ...event })));
  return state;
}

/** @param {ReturnType<typeof initialState>} state */
const shown = (state) => state.items.map(({ kind, chunks }) => `${kind}: ${chunks.join("")}`);

const START = { type: "start", model: "openai/gpt-5.2" };
const text = (/** @type {string} */ delta, block = 0) => ({ type: "text", block, delta });

test("the phase follows what comes", () => {
  const phases = [
    after(),
    after(START),
    after(START, { type: "reasoning", block: 0, delta: "hm" }),
    after(START, { type: "reasoning", block: 0, delta: "hm" }, text("a", 1)),
    after(START, text("a"), { type: "end", reason: "stop" }),
    after(START, text("a"), { type: "end", reason: "cancelled" }),
    after(START, text("a"), { type: "end", reason: "truncated" }),
    after(START, { type: "error", code: "auth", message: "no" }),
  ].map(({ phase }) => phase);
  assert.deepEqual(phases, ["connecting", "waiting", "reasoning", "answering", "done", "stopped", "cut off", "failed"]);
});

test("an empty delta changes no phase", () => {
  assert.equal(after(START, text("")).phase, "waiting");
});

test("blocks may overlap: each keeps its own text, in the order they began", () => {
  const state = after(START, text("A", 0), text("B", 3), text("a", 0), { type: "reasoning", block: 0, delta: "r" }, text("b", 3));
  assert.deepEqual(shown(state), ["text: Aa", "text: Bb", "reasoning: r"]);
});

test("choices are kept apart", () => {
  const state = after(START, text("one"), { ...text("two"), choice: 1 }, text("!"));
  assert.deepEqual(shown(state), ["text: one!", "text: two"]);
});

test("a tool call has its name, its argument text and whether it is valid", () => {
  const call = { type: "tool", block: 0 };
  const state = after(START, { ...call, id: "c", name: "f" }, { ...call, delta: '{"a"' }, { ...call, delta: ":" }, { ...call, done: true, invalid: true });
  const [{ name, chunks, done, invalid }] = state.items;
  assert.deepEqual([name, chunks.join(""), done, invalid], ["f", '{"a":', true, true]);
});

test("what a later version sends is passed over", () => {
  assert.deepEqual(shown(after(START, { type: "hologram", delta: "x" }, text("a"))), ["text: a"]);
});

test("a long stream costs no more a chunk than a short one", () => {
  const events = journal(200_000);
  const begun = performance.now();
  const state = events.reduce(reduce, initialState());
  assert.equal(state.items[0].chunks.length, 200_000);
  assert.ok(performance.now() - begun < 2000);
});
