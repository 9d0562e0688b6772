import assert from "node:assert/strict";
import { test } from "node:test";
import { Announcer } from "../src/lib/announce.js";

/** An announcer whose region keeps all that was said. */
function listener() {
  /** @type {string[]} */
  const said = [];
  const region = /** @type {any} */ ({ set textContent(/** @type {string} */ words) { said.push(words); } });
  return { said, announcer: new Announcer(region) };
}

test("whole sentences are said, at a calm pace", () => {
  const { said, announcer } = listener();
  announcer.add("One. Two", 0);
  announcer.add(" is here. ", 100);
  announcer.add("Three", 2999);
  assert.deepEqual(said, ["One."]);
  announcer.add(" comes", 3000);
  assert.deepEqual(said, ["One.", "Two is here."]);
  announcer.end("Done.");
  assert.deepEqual(said.at(-1), "Three comes Done.");
});

test("a text that comes faster than it can be said is said in parts, and its end says that there is more", () => {
  const { said, announcer } = listener();
  const text = "This sentence is one of many. ".repeat(1000);
  for (let at = 0; at < 5; at++) announcer.add(text.slice(at * 6000, (at + 1) * 6000), at * 3000);
  assert.equal(said.length, 5);
  assert.ok(said.every((words) => words.length <= 2000 && words.endsWith("many.")));
  assert.ok(text.startsWith(said.join(" ")));
  announcer.end("Done.");
  assert.equal(said.at(-1), "Done. What was not read aloud is in the answer.");
});

test("of a sentence that does not end, whole words are said, or what there is", () => {
  const { said, announcer } = listener();
  announcer.add("word ".repeat(1000), 0);
  assert.equal(said[0], "word ".repeat(400).trim());
  announcer.end("Done.");
  const long = listener();
  long.announcer.add("x".repeat(3000), 0);
  long.announcer.end("Done.");
  assert.deepEqual(long.said, ["x".repeat(2000), `${"x".repeat(1000)} Done.`]);
});

test("until a sentence is there, nothing is said", () => {
  const { said, announcer } = listener();
  announcer.add("Not yet", 0);
  assert.deepEqual(said, []);
  announcer.add(" but now.\n", 10);
  assert.deepEqual(said, ["Not yet but now."]);
});
