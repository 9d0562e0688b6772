import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { JSDOM } from "jsdom";
import { keyWords, limitWords, rate, readers } from "../src/sessions/words.js";
import { IntersectionObserver } from "./tools.js";

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = ["window", "document", "location", "AbortController", "AbortSignal", "requestAnimationFrame", "cancelAnimationFrame", "fetch"];
const own = Object.fromEntries(NAMES.map((name) => [name, browser[name]]));
const STREAM = { id: "s", model: "sim/steady", state: "running", phase: "answering", age: 1_250_000, created: 0, rate: 61.2, readers: 3, transports: { ws: 2, sse: 1 } };
/** @type {typeof import("../src/sessions/index.js").default} */
let widget;
/** @type {AbortController} */
let controller;

beforeEach(async () => {
  const { window } = new JSDOM('<script id="jupyter-config-data" type="application/json">{"baseUrl": "/"}</script>', { url: "http://localhost/", pretendToBeVisual: true });
  for (const name of NAMES) browser[name] = /** @type {any} */ (window)[name] ?? browser[name];
  Object.assign(browser, { window, IntersectionObserver, requestAnimationFrame: () => 0, cancelAnimationFrame() {} });
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  controller = new AbortController();
  widget = (await import("../src/sessions/index.js")).default;
});
afterEach(() => {
  controller.abort();
  mock.timers.reset();
  Object.assign(browser, own);
});

/** @param {number} ms */
async function pass(ms) {
  for (let left = ms; left >= 0; left -= 50) {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    mock.timers.tick(50);
  }
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** The bar, with a kernel and a server that answers with these. @param {Record<string, any>} server @param {"server" | "kernel"} place */
function bar(server, place = "server") {
  /** @type {string[]} */
  const asked = [];
  browser.fetch = async (/** @type {string} */ url, /** @type {RequestInit} */ { method = "GET" } = {}) => {
    asked.push(`${method} ${url}`);
    const found = server[`${method} ${url}`];
    return { ok: found !== undefined, status: found === undefined ? 404 : 200, json: async () => found ?? {} };
  };
  /** @type {any[]} */
  const sent = [];
  /** @type {((message: any) => void)[]} */
  const heard = [];
  const model = /** @type {any} */ ({
    get: (/** @type {string} */ name) => ({ place })[name],
    on: (/** @type {string} */ name, /** @type {any} */ f) => void (name === "msg:custom" && heard.push(f)),
    send: (/** @type {any} */ message) => void sent.push(message),
  });
  const { initialize, render } = widget();
  initialize({ model, signal: controller.signal, experimental: /** @type {any} */ ({}) });
  const el = document.createElement("div");
  document.body.append(el);
  render({ model, el, signal: controller.signal, host: /** @type {any} */ ({}), experimental: /** @type {any} */ ({}) });
  return {
    asked, sent, el,
    /** @param {any} message */
    say: (message) => heard.forEach((f) => f(message)),
    text: (/** @type {string} */ name) => el.querySelector(name)?.textContent,
    /** @param {string} words */
    button: (words) => /** @type {HTMLButtonElement} */ ([...el.querySelectorAll("button")].find((one) => one.textContent === words)),
  };
}

const HOSTS = [{ name: "openai", key: { present: false, needed: true, variable: "OPENAI_API_KEY" } }];
const SERVER = {
  "GET /tokenwidgets/streams?text=0": { streams: [STREAM, { ...STREAM, id: "old", state: "ended", phase: "done", transports: {} }] },
  "GET /tokenwidgets/capabilities": { limits: { open_streams: 256, total_bytes: 512 * 2 ** 20 }, used: { open_streams: 1, total_bytes: 3000 } },
  "GET /tokenwidgets/hosts": { hosts: HOSTS },
  "DELETE /tokenwidgets/streams/s": {},
};

test("what runs is asked of the server, each second as long as the page is seen, and hosts seldom", async () => {
  const { asked, text } = bar(SERVER);
  await pass(2500);
  assert.equal(text(".tw-s-count"), "1 running");
  assert.equal(text(".tw-s-rate"), "~61 tok/s");
  assert.equal(text(".tw-s-readers"), "■WebSocket × 2●SSE");
  assert.equal(text(".tw-s-limits"), "1 of 256 streams3 KiB of 512 MiB held");
  assert.equal(text(".tw-s-hosts"), "openaimissing: set OPENAI_API_KEY");
  assert.equal(asked.filter((one) => one.includes("streams")).length, 3);
  assert.equal(asked.filter((one) => one.includes("hosts")).length, 1);
  Object.defineProperty(document, "hidden", { value: true, configurable: true });
  await pass(5000);
  assert.equal(asked.filter((one) => one.includes("streams")).length, 3);
});

test("Stop asks the server, and not the kernel", async () => {
  const { asked, button, sent } = bar(SERVER);
  await pass(0);
  button("Stop").click();
  await pass(0);
  assert.ok(asked.includes("DELETE /tokenwidgets/streams/s"));
  assert.deepEqual(sent.filter(({ op }) => op !== "shown"), []);
});

test("where no server of ours answers, the kernel is asked", async () => {
  for (const [server, place] of /** @type {const} */ ([[{}, "server"], [SERVER, "kernel"]])) {
    const { sent, say, text, button, el } = bar(server, place);
    await pass(0);
    const [question] = sent.filter(({ op }) => op === "sessions");
    say({ answer: question.ask, streams: [STREAM], hosts: HOSTS, limits: {}, used: {} });
    await pass(0);
    assert.equal(text(".tw-s-count"), "1 running");
    button("Stop").click();
    await pass(0);
    assert.equal(sent.find(({ op }) => op === "end").stream, "s");
    el.remove();
  }
});

test("a failure is told, and what was known stays", async () => {
  /** @type {Record<string, any>} */
  const server = { ...SERVER };
  const { text } = bar(server);
  await pass(0);
  browser.fetch = async () => {
    throw new TypeError("Failed to fetch");
  };
  await pass(1500);
  assert.equal(text(".tw-s-problem"), "the Jupyter server cannot be reached");
  assert.equal(text(".tw-s-count"), "1 running");
});

test("words", () => {
  assert.equal(rate(/** @type {any} */ ({ state: "running", phase: "waiting", rate: null })), "no token yet");
  assert.equal(rate(/** @type {any} */ ({ state: "running", phase: "answering", rate: null })), "–");
  assert.deepEqual(readers(/** @type {any} */ ({ state: "running", transports: {} })).map(({ words }) => words), ["nobody reads it"]);
  assert.equal(keyWords(/** @type {any} */ ({ key: { present: true, source: "environment" } })), "present, from environment");
  assert.deepEqual(limitWords({ sockets: 120 }, { sockets: 128 }), [{ share: 0.9375, words: "120 of 128 sockets" }]);
});
