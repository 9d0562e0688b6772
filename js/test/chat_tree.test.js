import assert from "node:assert/strict";
import { test } from "node:test";
import { Past } from "../src/chat/past.js";
import { matching, toggled } from "../src/chat/picker.js";
import { PICTURE_BYTES, PICTURES, objection, pieces } from "../src/chat/pictures.js";
import { modelsOf, pathTo, rowsOf } from "../src/chat/tree.js";

/** @import { Message, Turn } from "../src/chat/tree.js" */

/** @param {...Partial<Message>} given */
const messages = (...given) => given.map((message, id) => /** @type {Message} */ ({ id, parent: null, role: "user", ...message }));
/** @param {Partial<Turn>} given @returns {Turn} */
const turn = (given) => ({ key: "t", to: 0, first: null, model: "sim/a", runs: [], done: false, error: "", ...given });
/** @param {import("../src/chat/tree.js").Row} row */
const shape = ({ question, siblings, columns }) => [question?.id ?? null, siblings, columns.map(({ answers, at, chosen }) => [answers.map(({ first }) => first), at, chosen])];

const TALK = messages(
  { text: "one" }, //                                              0
  { parent: 0, role: "assistant", model: "sim/a" }, //             1
  { parent: 0, role: "assistant", model: "sim/b" }, //             2
  { parent: 0, role: "assistant", model: "sim/a" }, //             3, again
  { parent: 3, text: "two" }, //                                   4
  { parent: 4, role: "assistant", model: "sim/a", calls: [{ id: "c", name: "f", arguments: "{}" }] }, // 5
  { parent: 5, role: "tool", call: "c", text: "12" }, //           6
  { parent: 6, role: "assistant", model: "sim/a", text: "end" }, // 7
  { parent: 3, text: "two, otherwise" }, //                        8
);

test("the path is what leads to the leaf", () => {
  assert.deepEqual(pathTo(TALK, 7).map(({ id }) => id), [0, 3, 4, 5, 6, 7]);
  assert.deepEqual(pathTo(TALK, null), []);
  assert.deepEqual(pathTo(TALK, 99), []);
});

test("answers of one model are behind each other, those of several beside each other", () => {
  const [first, second] = rowsOf(TALK, 7, []);
  assert.deepEqual(shape(first), [0, [0], [[[1, 3], 1, true], [[2], 0, false]]]);
  assert.deepEqual(shape(second), [4, [4, 8], [[[5], 0, true]]]);
  assert.deepEqual([...modelsOf([first, second])], ["sim/a", "sim/b"]);
});

test("an answer has its rounds, and the results of its calls", () => {
  const [, { columns }] = rowsOf(TALK, 7, []);
  const [{ answers: [answer] }] = columns;
  assert.deepEqual(answer.steps.map(({ id }) => id), [5, 7]);
  assert.equal(answer.results.get("c")?.text, "12");
});

test("a question without an answer is a row, and so are answers before any question", () => {
  assert.deepEqual(rowsOf(TALK, 8, []).map(shape)[1], [8, [4, 8], []]);
  const [row] = rowsOf(messages({ role: "assistant", model: "sim/a" }), 0, []);
  assert.deepEqual(shape(row), [null, [], [[[0], 0, true]]]);
});

test("what comes is shown at once, in the place it will keep", () => {
  const asked = TALK.slice(0, 1);
  const coming = [turn({ key: "b", model: "sim/b" }), turn({ key: "a" })];
  const [before] = rowsOf(asked, 0, coming);
  assert.deepEqual(before.columns.map(({ answers, at, chosen }) => [answers[at].key, chosen]), [["a", false], ["b", true]]);
  const [after] = rowsOf(TALK.slice(0, 2), 0, [coming[0], turn({ key: "a", first: 1, done: true })]);
  assert.deepEqual(after.columns.map(({ answers, at, chosen }) => [answers[at].key, chosen]), [["a", false], ["b", true]], "the first goes on");
});

test("an answer that is asked for again takes the place of the one before it", () => {
  const [{ columns }] = rowsOf(TALK.slice(0, 2), 0, [turn({ key: "again" })]);
  assert.deepEqual(columns.map(({ answers, at }) => [answers.map(({ key }) => key), at]), [[["message 1", "again"], 1]]);
});

test("what was said before is drawn by the same means as what is being said", () => {
  const { state, figures } = new Past({
    id: 1, parent: 0, role: "assistant", model: "sim/a", thoughts: "hm", text: "yes", calls: [{ id: "c", name: "f", arguments: "{}" }], figures: "3 tok",
  }); // prettier-ignore
  assert.deepEqual(state.items.map(({ kind, chunks, name, done }) => [kind, chunks.join(""), name, done]), [
    ["reasoning", "hm", "", false], ["text", "yes", "", false], ["tool", "{}", "f", true],
  ]); // prettier-ignore
  assert.equal(figures, "3 tok");
  assert.equal(state.phase, "done");
  assert.equal(new Past({ id: 1, parent: 0, role: "assistant", error: "no key" }).state.phase, "failed");
  assert.equal(new Past({ id: 1, parent: 0, role: "assistant", finish_reason: "cancelled" }).state.phase, "stopped");
});

test("a model is found by any words of its line; names that begin so are first", () => {
  const models = ["openai/o3", "sim/steady", "groq/llama", "ollama/steady-2"].map((id) => ({ id, note: id.startsWith("sim") ? "simulated" : "" }));
  const found = (/** @type {string} */ typed) => matching(models, typed).map(({ id }) => id);
  assert.deepEqual(found("STEADY"), ["sim/steady", "ollama/steady-2"]);
  assert.deepEqual(found("o"), ["openai/o3", "ollama/steady-2", "groq/llama"]);
  assert.deepEqual(found("simul st"), ["sim/steady"]);
  assert.deepEqual(found("nothing"), []);
  assert.equal(found("").length, 4);
});

test("a model is put beside the others and taken away again, and four are the most", () => {
  assert.deepEqual(toggled(["a"], "b"), ["a", "b"]);
  assert.deepEqual(toggled(["a", "b"], "a"), ["b"]);
  assert.deepEqual(toggled(["a", "b", "c", "d"], "e"), ["b", "c", "d", "e"]);
});

test("a file that cannot be a picture says why", () => {
  const file = { name: "cat.png", type: "image/png", size: 10 };
  assert.equal(objection(file, 0), "");
  assert.match(objection({ ...file, type: "image/svg+xml" }, 0), /cat\.png is not PNG/);
  assert.match(objection({ ...file, size: PICTURE_BYTES + 2 ** 20 }, 0), /9\.0 MiB, and 8 are allowed/);
  assert.match(objection(file, PICTURES), /at most 8 pictures/);
});

test("the pieces of a picture are the picture", () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => (i * 7) % 256);
  const parts = [...pieces(bytes, 3 * 999)];
  assert.equal(parts.length, 4);
  assert.deepEqual(new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part, "base64")))), bytes);
});
