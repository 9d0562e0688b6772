import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { initialState, reduce } from "../src/lib/state.js";
import { billWords, limitWords, retryWords } from "../src/stream/words.js";

/** The same cases are held against the Python side. */
const CASES = JSON.parse(readFileSync(new URL("../../tests/data/words.json", import.meta.url), "utf8"));

for (const { data, host, words } of CASES.retry) {
  test(words, () => assert.equal(retryWords(data, host), words));
}

for (const { host, words, cancel_stops_billing } of CASES.bill) {
  test(`a bill that is ${cancel_stops_billing}: ${words}`, () => {
    const terminal = /** @type {any} */ ({ type: "end", reason: "cancelled", cancel_stops_billing });
    assert.equal(billWords({ terminal, host, replayed: false }), words);
    assert.equal(billWords({ terminal, host, replayed: true }), "");
  });
}

for (const { data, host, words } of CASES.limit) {
  test(`a rate limit: ${JSON.stringify(data)}`, () => {
    const notices = /** @type {any} */ ([{ kind: "rate_limits", data: {} }, { kind: "rate_limits", data }, { kind: "served", data: {} }]);
    const terminal = /** @type {any} */ ({ type: "end", reason: "stop" });
    assert.equal(limitWords({ terminal, notices, host, replayed: false }), words);
    assert.equal(limitWords({ terminal, notices, host, replayed: true }), "");
    assert.equal(limitWords({ terminal: null, notices, host, replayed: false }), "");
  });
}

test("the seconds count down to now and stay there", () => {
  const data = { attempt: 2, of: 3, wait: 2.5, code: "rate_limited" };
  const left = [-1, 0, 0.4, 0.5, 1.6, 2.5, 9].map((passed) => /again (.*) \(/.exec(retryWords(data, "x", passed))?.[1]);
  assert.deepEqual(left, ["in 3 s", "in 3 s", "in 3 s", "in 2 s", "in 1 s", "now", "now"]);
});

test("a retry is awaited until the attempt begins, something comes, or the stream ends", () => {
  const retry = { type: "notice", kind: "retry", data: { attempt: 2, of: 3, wait: 1, code: "timeout" } };
  const after = [
    { type: "notice", kind: "connection", data: { sent: 1 } },
    { type: "text", block: 0, delta: "a" },
    { type: "end", reason: "cancelled" },
    { type: "error", code: "auth", message: "no" },
  ];
  for (const event of after) {
    const state = initialState();
    [retry, event].forEach((e, seq) => reduce(state, /** @type {any} */ ({ seq, at: seq, ...e })));
    assert.deepEqual([state.retry, state.retries], [null, 1]);
  }
});
