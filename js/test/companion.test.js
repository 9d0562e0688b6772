import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { JSDOM } from "jsdom";
import { run, talk } from "../src/companion/sessions.js";
import { PageModel } from "../src/host/model.js";
import { settled } from "./tools.js";

const browser = /** @type {Record<string, any>} */ (globalThis);
const own = [browser.document, browser.fetch];
/** What was asked of the server. @type {any[]} */
let asked = [];
/** @type {() => Promise<Response>} */
let answer;

beforeEach(() => {
  asked = [];
  browser.document = new JSDOM('<body data-base-url="/nb/">', { url: "http://localhost/" }).window.document;
  browser.fetch = (/** @type {string} */ url, /** @type {any} */ init) => {
    asked.push([init.method, url, JSON.parse(init.body)]);
    return answer();
  };
});
afterEach(() => void ([browser.document, browser.fetch] = own));

/** @param {Record<string, unknown>} traits @param {string} [stream] */
function opened(traits = {}, stream) {
  /** @type {any[]} */
  const heard = [];
  /** @type {PageModel} */
  const model = new PageModel({ runs: [], model: "sim/voice", hands_free: true, interrupt: true, ...traits }, () => talk(model, stream));
  model.on("msg:custom", (message) => heard.push(message));
  return { model, heard };
}

test("the page begins a session by itself, once, however often it is asked", async () => {
  answer = async () => new Response(JSON.stringify({ id: "s1" }), { status: 201 });
  const { model, heard } = opened({ hands_free: false, interrupt: false });
  for (let time = 0; time < 3; time++) model.send({ op: "talk", ask: "talk 1" });
  model.send({ op: "shown" });
  await settled();
  assert.deepEqual(asked, [["POST", "/nb/tokenwidgets/streams", { model: "sim/voice", session: { turn_detection: "none", interrupt: false } }]]);
  assert.deepEqual(heard, [{ answer: "talk 1", stream: "s1" }]);
  assert.deepEqual(model.get("runs"), [run("s1", "sim/voice")]);
});

test("what the server refuses, or does not answer, is said", async () => {
  const { model, heard } = opened();
  answer = async () => new Response(JSON.stringify({ message: "There is no model of this name." }), { status: 404 });
  model.send({ op: "talk", ask: "1" });
  await settled();
  answer = async () => Promise.reject(new TypeError("Failed to fetch"));
  model.send({ op: "talk", ask: "2" });
  await settled();
  assert.deepEqual(heard.map(({ error }) => error.message), ["There is no model of this name.", "the Jupyter server cannot be reached"]);
  assert.deepEqual(model.get("runs"), []);
});

test("in place of a notebook's session none is begun", async () => {
  const { model, heard } = opened({ runs: [run("s")] }, "s");
  model.send({ op: "talk", ask: "1" });
  await settled();
  assert.match(heard[0].error.message, /has ended/);
  assert.deepEqual(asked, []);
});
