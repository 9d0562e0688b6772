import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { JSDOM } from "jsdom";
import { IntersectionObserver } from "./tools.js";

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = [
  "window", "document", "location", "AbortController", "AbortSignal", "requestAnimationFrame", "cancelAnimationFrame", "Event", "CustomEvent",
  "KeyboardEvent", "HTMLElement", "HTMLTextAreaElement", "HTMLInputElement", "HTMLButtonElement", "Node", "Element", "MutationObserver",
]; // prettier-ignore
const own = Object.fromEntries(NAMES.map((name) => [name, browser[name]]));
/** @type {typeof import("../src/chat/index.js").default} */
let widget;
/** @type {AbortController[]} */
let controllers = [];

beforeEach(async () => {
  const { window } = new JSDOM("", { url: "http://localhost/" });
  for (const name of NAMES) browser[name] = /** @type {any} */ (window)[name];
  Object.assign(browser, { window, IntersectionObserver, requestAnimationFrame: () => 0, cancelAnimationFrame() {} }); // frames do not come: a hidden page
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  widget = (await import("../src/chat/index.js")).default;
});
afterEach(() => {
  for (const controller of controllers) controller.abort();
  controllers = [];
  mock.timers.reset();
  Object.assign(browser, own);
});

/** Let timers and promises go on for so long. @param {number} ms */
async function pass(ms) {
  for (let left = ms; left >= 0; left -= 50) {
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    mock.timers.tick(50);
  }
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}

function controller() {
  const made = new AbortController();
  controllers.push(made);
  return made;
}

/** A chat with its kernel, which a test plays. @param {{broken?: boolean}} [options] */
function start(options = {}) {
  /** @type {Record<string, any>} */
  const traits = { models: ["sim/a"], model: "sim/a", busy: false, turns: 0 };
  /** @type {Record<string, ((...args: any[]) => void)[]>} */
  const handlers = {};
  /** @type {any[]} */
  const sent = [];
  const model = /** @type {any} */ ({
    get: (/** @type {string} */ name) => traits[name],
    set: (/** @type {string} */ name, /** @type {any} */ value) => void (traits[name] = value),
    save_changes() {},
    on: (/** @type {string} */ name, /** @type {() => void} */ f) => void (handlers[name] ??= []).push(f),
    send: (/** @type {any} */ message) => {
      if (options.broken) throw new Error("no comm");
      sent.push(message);
    },
  });
  const { initialize, render } = widget();
  initialize({ model, signal: controller().signal, experimental: /** @type {any} */ ({}) });
  const el = document.createElement("div");
  document.body.append(el);
  render({ model, el, signal: controller().signal, host: /** @type {any} */ ({}), experimental: /** @type {any} */ ({}) });
  const say = (/** @type {any} */ message) => handlers["msg:custom"].forEach((f) => f(message));
  const part = (/** @type {string} */ name) => /** @type {any} */ (el.querySelector(name));
  return {
    el, part, sent, traits, say,
    /** What was asked with an operation. @param {string} op */
    asked: (op) => sent.filter((message) => message.op === op),
    /** @param {string} op @param {object} fields */
    answer(op, fields = {}) {
      say({ answer: sent.findLast((message) => message.op === op).ask, ...fields });
    },
    /** @param {object} fields */
    tell: (fields) => say({ op: "chat", talk: "t", count: 0, leaf: null, turns: [], system: "", options: {}, tools: [], from: 0, nodes: [], ...fields }),
    event: (/** @type {string} */ name) => handlers[name].forEach((f) => f()),
    /** @param {string} key @param {HTMLElement} [at] @param {object} [more] */
    press(key, at = part(".tw-composer textarea"), more = {}) {
      at.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
    },
    /** @param {string} text */
    type(text) {
      const field = part(".tw-composer textarea");
      field.value = text;
      field.dispatchEvent(new Event("input"));
    },
    /** @param {string} name of a control */
    controls: (name) => /** @type {HTMLButtonElement[]} */ ([...el.querySelectorAll(`[data-control="${name}"]`)]),
  };
} // prettier-ignore

const SAID = [
  { id: 0, parent: null, role: "user", text: "Why?" },
  { id: 1, parent: 0, role: "assistant", model: "sim/a", text: "Because.", figures: "3 tok" },
];
const WHOLE = { count: 2, leaf: 1, nodes: SAID };
const RUN = { stream: "s", model: "sim/a", transport: "auto", place: "kernel", ended: -1, error: "" };
const COMING = { key: "k", to: 0, first: null, model: "sim/a", runs: [RUN], done: false, error: "" };

test("a page asks for the conversation and draws it", async () => {
  const chat = start();
  assert.equal(chat.asked("read").length, 1);
  chat.say({ answer: chat.asked("read")[0].ask, talk: "t", turns: [], system: "", options: {}, tools: [], from: 0, ...WHOLE });
  await pass(600);
  assert.equal(chat.part(".tw-asked").textContent, "Why?");
  assert.equal(chat.part(".tw-rounds").textContent, "Because.");
  assert.match(chat.part(".tw-foot").textContent, /^3 tok/);
  await pass(10_000);
  assert.equal(chat.asked("read").length, 1, "and asks no more");
});

test("Enter sends, Shift+Enter breaks the line", async () => {
  const chat = start();
  chat.tell({});
  chat.type("one");
  chat.part("textarea").setSelectionRange(3, 3);
  chat.press("Enter", undefined, { shiftKey: true });
  assert.equal(chat.part(".tw-composer textarea").value, "one\n");
  chat.press("Enter");
  assert.deepEqual(chat.asked("say").map(({ text, pictures }) => [text, pictures]), [["one\n", []]]);
  assert.equal(chat.part(".tw-composer textarea").value, "");
  await pass(600);
  assert.match(chat.part(".tw-question:last-child").textContent, /one/, "it shows at once");
});

test("a kernel that is busy is waited for in words, and the question is there once it is told", async () => {
  const chat = start();
  chat.tell({});
  chat.type("one");
  chat.press("Enter");
  const note = () => [...chat.el.querySelectorAll(".tw-note")].filter((el) => !el.closest("[hidden]")).map((el) => el.textContent);
  await pass(600);
  assert.deepEqual(note(), []);
  await pass(1500);
  assert.deepEqual(note(), ["The kernel is busy: this is sent when it is free."]);
  await pass(300_000);
  assert.equal(chat.part(".tw-words").textContent, "", "it is not given up");
  chat.answer("say");
  chat.tell({ count: 1, leaf: 0, nodes: [{ id: 0, parent: null, role: "user", text: "one" }], turns: [COMING] });
  await pass(600);
  assert.deepEqual(note(), []);
  assert.equal([...chat.el.querySelectorAll(".tw-asked")].filter((el) => !el.closest("[hidden]")).length, 1);
});

test("a refusal is said, and what was typed is there again", async () => {
  const chat = start();
  chat.tell({});
  chat.type("one");
  chat.press("Enter");
  chat.type("two");
  chat.answer("say", { error: { code: "limit", message: "Too long." } });
  await pass(600);
  assert.equal(chat.part(".tw-words").textContent, "Too long.");
  assert.equal(chat.part(".tw-composer textarea").value, "one\n\ntwo");
});

test("a kernel that is gone is said, and the text stays", async () => {
  const chat = start();
  chat.tell(WHOLE);
  chat.event("comm_live_update");
  chat.type("one");
  chat.press("Enter");
  await pass(600);
  assert.match(chat.part(".tw-words").textContent, /^The kernel is gone/);
  assert.equal(chat.part(".tw-composer textarea").value, "one");
  assert.equal(chat.asked("say").length, 0);
  assert.equal(chat.part(".tw-asked").textContent, "Why?");
});

test("a page without a kernel from the beginning does not break", async () => {
  const chat = start({ broken: true });
  await pass(600);
  assert.match(chat.part(".tw-words").textContent, /^The kernel is gone/);
});

test("an answer comes in live, in the element that keeps it, and Esc stops it", async () => {
  const chat = start();
  const asked = { count: 1, leaf: 0, nodes: SAID.slice(0, 1) };
  chat.tell({ ...asked, turns: [COMING] });
  await pass(600);
  const view = chat.part(".tw-answer");
  chat.say({ stream: "s", events: [{ seq: 0, at: 0, type: "start", model: "sim/a", host: "sim" }, { seq: 1, at: 5, type: "text", block: 0, delta: "Be<b>cause." }] });
  await pass(600);
  assert.equal(chat.part(".tw-rounds").textContent, "Be<b>cause.");
  assert.equal(chat.part(".tw-rounds b"), null);
  chat.press("Escape");
  assert.ok(chat.asked("stop").some(({ stream }) => stream === undefined), "the kernel is told to stop all of it");
  chat.say({ stream: "s", events: [{ seq: 2, at: 9, type: "end", reason: "cancelled" }] });
  chat.tell({ count: 2, leaf: 1, from: 1, nodes: [{ ...SAID[1], stream: "s", finish_reason: "cancelled" }], turns: [{ ...COMING, first: 1, done: true }] });
  await pass(600);
  assert.equal(chat.part(".tw-answer"), view);
  assert.match(chat.part(".tw-foot").textContent, /stopped at token/);
  chat.tell({ count: 3, leaf: 2, from: 2, nodes: [{ id: 2, parent: 1, role: "user", text: "And?" }], turns: [] });
  await pass(600);
  assert.equal(chat.part(".tw-answer"), view, "also when its turn is long over");
});

test("while an answer comes Enter keeps the text and says why", async () => {
  const chat = start();
  chat.tell({ count: 1, leaf: 0, nodes: SAID.slice(0, 1), turns: [COMING] });
  chat.type("two");
  chat.press("Enter");
  assert.equal(chat.asked("say").length, 0);
  assert.equal(chat.part(".tw-words").textContent, "An answer is coming: Esc stops it.");
  chat.tell({ ...WHOLE, turns: [] });
  await pass(600);
  assert.equal(chat.part(".tw-words").textContent, "");
});

test("the last question is edited from the empty field, and asked with Enter", async () => {
  const chat = start();
  chat.tell(WHOLE);
  await pass(600);
  chat.press("ArrowUp");
  const field = chat.part(".tw-editing textarea");
  assert.equal(document.activeElement, field);
  assert.equal(field.value, "Why?");
  field.value = "Why not?";
  chat.press("Enter", field);
  assert.deepEqual(chat.asked("edit").map(({ node, text }) => [node, text]), [[0, "Why not?"]]);
  chat.answer("edit");
  await pass(0);
  assert.equal(document.activeElement, chat.part(".tw-composer textarea"), "the field goes, whether the news are here or not");
  chat.tell({ count: 3, leaf: 2, from: 2, nodes: [{ id: 2, parent: null, role: "user", text: "Why not?" }], turns: [{ ...COMING, to: 2 }] });
  await pass(600);
  assert.equal(document.activeElement, chat.part(".tw-composer textarea"), "the focus is not lost with the field");
  assert.equal(chat.part(".tw-question .tw-of").textContent, "2/2");
});

test("the pager goes to the other branch and keeps the focus", async () => {
  const chat = start();
  const other = { id: 2, parent: null, role: "user", text: "Why not?" };
  chat.tell({ count: 3, leaf: 2, nodes: [...SAID, other] });
  await pass(600);
  const [back] = chat.controls("back");
  back.focus();
  back.click();
  assert.deepEqual(chat.asked("switch").map(({ node }) => node), [0]);
  chat.answer("switch");
  chat.tell({ count: 3, leaf: 1, from: 3 });
  await pass(600);
  assert.equal(chat.part(".tw-asked").textContent, "Why?");
  assert.equal(/** @type {HTMLElement} */ (document.activeElement).closest(".tw-pager") !== null, true);
});

test("a deleted question is brought back", async () => {
  const chat = start();
  chat.tell(WHOLE);
  await pass(600);
  chat.controls("delete")[0].click();
  chat.answer("delete", { leaf: 1 });
  chat.tell({ count: 2, leaf: null, from: 2 });
  await pass(600);
  assert.equal(chat.part(".tw-words").textContent, "Deleted.");
  chat.controls("undo")[0].click();
  assert.deepEqual(chat.asked("switch").map(({ node, last }) => [node, last]), [[1, true]]);
});

test("a message that is missing is asked for", async () => {
  const chat = start();
  chat.tell({ count: 2, leaf: 1, from: 1, nodes: SAID.slice(1) });
  await pass(100);
  assert.equal(chat.asked("read").at(-1).from, 0);
  chat.answer("read", { talk: "t", turns: [], system: "", options: {}, tools: [], from: 0, ...WHOLE });
  await pass(600);
  assert.equal(chat.part(".tw-rounds").textContent, "Because.");
});

test("a call shows what it was given, what it gave, and how long it took", async () => {
  const chat = start();
  const nodes = [
    SAID[0],
    { id: 1, parent: 0, role: "assistant", model: "sim/a", calls: [{ id: "c", name: "get_weather", arguments: '{"city":"Oslo"}' }] },
    { id: 2, parent: 1, role: "tool", call: "c", text: "Error: no", error: "ValueError: <b>no</b>", seconds: 0.5 },
    { id: 3, parent: 2, role: "assistant", model: "sim/a", text: "Sorry." },
  ];
  chat.tell({ count: 4, leaf: 3, nodes });
  await pass(600);
  assert.equal(chat.part(".tw-call .tw-name").textContent, "get_weather");
  assert.equal(chat.part(".tw-call .tw-took").textContent, "failed · 0.50 s");
  assert.deepEqual([...chat.el.querySelectorAll(".tw-call pre")].map((el) => el.textContent), ['{\n  "city": "Oslo"\n}', "ValueError: <b>no</b>"]);
  assert.match(chat.part(".tw-rounds").textContent, /Sorry\.$/);
});

test("models are chosen by typing, one or beside others", async () => {
  const chat = start();
  chat.controls("models")[0].click();
  await pass(0);
  chat.answer("models", { models: ["sim/a", "sim/b", "other/c"].map((id) => ({ id, note: "" })) });
  await pass(0);
  const field = chat.part(".tw-picker input");
  field.value = "b";
  field.dispatchEvent(new Event("input"));
  chat.press("Enter", field, { shiftKey: true });
  assert.deepEqual(chat.traits.models, ["sim/a", "sim/b"]);
  assert.equal(chat.part(".tw-picker").hidden, false);
  field.value = "c";
  field.dispatchEvent(new Event("input"));
  chat.press("Enter", field);
  assert.deepEqual(chat.traits.models, ["other/c"]);
  assert.equal(chat.part(".tw-picker").hidden, true);
  assert.equal(document.activeElement, chat.controls("models")[0]);
});

test("? shows the keys, but not while something is written", async () => {
  const chat = start();
  chat.tell({});
  chat.press("?");
  assert.equal(chat.part(".tw-sheet:not(.tw-picker)").hidden, true);
  chat.press("?", chat.controls("more")[0]);
  assert.equal(chat.part(".tw-sheet:not(.tw-picker)").hidden, false);
  chat.press("Escape", chat.part(".tw-sheet:not(.tw-picker) textarea"));
  assert.equal(chat.part(".tw-sheet:not(.tw-picker)").hidden, true);
  assert.equal(document.activeElement, chat.controls("more")[0]);
});

test("a file of that name is replaced only when that is wanted", async () => {
  const chat = start();
  chat.tell(WHOLE);
  chat.controls("more")[0].click();
  await pass(0);
  chat.part(".tw-sheet input[list]").value = "talk";
  chat.controls("save")[0].click();
  chat.answer("save", { name: "talk.chat.json", exists: true });
  await pass(100);
  assert.equal(document.activeElement, chat.controls("replace")[0]);
  chat.controls("replace")[0].click();
  assert.deepEqual(chat.asked("save").map(({ name, replace }) => [name, replace]), [["talk", false], ["talk", true]]);
});
