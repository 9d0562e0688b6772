import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { JSDOM } from "jsdom";
import { IntersectionObserver, journal, settled } from "./tools.js";

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = ["window", "document", "location", "AbortController", "AbortSignal", "HTMLElement", "Element", "Option", "getSelection"];
const own = Object.fromEntries(NAMES.map((name) => [name, browser[name]]));
/** @type {() => void} */
let frame = () => {};
/** @type {AbortController} */
let gone;

beforeEach(() => {
  const { window } = new JSDOM("", { url: "http://localhost/" });
  for (const name of NAMES) browser[name] = /** @type {any} */ (window)[name];
  Object.assign(browser, { window, IntersectionObserver });
  /** @type {((ms: number) => void)[]} */
  let waiting = [];
  let now = 0;
  browser.requestAnimationFrame = window.requestAnimationFrame = (/** @type {any} */ f) => waiting.push(f);
  browser.cancelAnimationFrame = () => {};
  frame = () => {
    const due = waiting;
    waiting = [];
    now += 100;
    for (const f of due) f(now);
  };
  gone = new AbortController();
});
afterEach(() => {
  gone.abort();
  Object.assign(browser, own);
});

/**
 * A widget out of a file, as `tokenwidgets/export.py` writes it.
 * @param {"timeline" | "inspector"} name
 * @param {Record<string, unknown>} traits
 * @param {any[]} frames
 */
async function opened(name, traits, frames) {
  const { PageModel } = await import("../src/host/model.js");
  const { fromFile } = await import("../src/host/file.js");
  const { default: widget } = await import(`../src/${name}/index.js`);
  const file = { module: "", traits: { stream: "s", mount: "", ...traits }, frames: { s: frames }, assets: {} };
  const model = new PageModel(file.traits, fromFile(file));
  const { initialize, render } = widget();
  initialize({ model, signal: gone.signal });
  const el = document.createElement("div");
  document.body.append(el);
  render({ model, el, signal: gone.signal });
  const painted = async () => {
    await settled();
    frame();
    await settled();
    frame();
  };
  await painted();
  return { model, el, painted, part: (/** @type {string} */ selector) => /** @type {HTMLElement} */ (el.querySelector(selector)) };
}

/** @param {import("../src/lib/messages.js").StreamEvent[]} events */
const framesOf = (events) =>
  events.map((event) => ({ at: event.at, dir: "in", frame: btoa(`data: ${JSON.stringify({ choices: [{ delta: { content: event.delta ?? "" } }] })}\n\n`) }));

/** @param {Element} element @param {string} key @param {object} [options] */
const press = (element, key, options = {}) => element.dispatchEvent(new browser.window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }));

test("keys move the playhead, the traits tell of it, and what has not come is not seen", async () => {
  const events = journal(30);
  const { model, el, part, painted } = await opened("timeline", { events, at: -1, selected: -1, speed: 1 }, framesOf(events));
  const seen = () => [...el.querySelectorAll(".tw-tokens .tw-token")].filter((span) => !span.closest(".tw-unseen")).length;
  const track = part(".tw-track");
  assert.deepEqual([model.get("at"), model.get("selected"), seen()], [-1, 30, 30]);
  press(track, "ArrowLeft", { shiftKey: true });
  press(track, "ArrowLeft");
  await painted();
  assert.deepEqual([model.get("at"), model.get("selected"), seen()], [19_000, 19, 19]);
  press(track, "Home");
  await painted();
  assert.deepEqual([model.get("selected"), seen()], [-1, 0]);
  press(track, "End");
  await painted();
  assert.deepEqual([model.get("at"), seen()], [-1, 30]);
  assert.match(part(".tw-facts").textContent ?? "", /alone in it/);
});

test("a long text is whole at any instant, whatever its lines", async () => {
  const events = journal(1500).map((event, i) => (event.type === "text" && i % 7 === 0 && i < 900 ? { ...event, delta: `w${i}\n` } : event));
  const { model, el, part, painted } = await opened("timeline", { events, at: -1, selected: -1, speed: 1 }, []);
  const texts = events.filter(({ type }) => type === "text").map(({ delta }) => delta);
  const seen = () => [...el.querySelectorAll(".tw-tokens .tw-token")].filter((span) => !span.closest(".tw-unseen")).map((span) => span.textContent);
  assert.equal(part(".tw-tokens").textContent, texts.join(""));
  for (const seq of [1, 40, 41, 700, 300, 1300, 1500, 1100, 2]) {
    model.set("selected", seq);
    await painted();
    assert.equal(seen().join(""), texts.slice(0, seq).join(""), String(seq));
  }
});

test("another widget's selection moves it, and so does the kernel", async () => {
  const events = journal(30);
  const { model, part, painted } = await opened("timeline", { events, at: -1, selected: -1, speed: 1 }, []);
  model.set("selected", 5);
  await painted();
  assert.equal(part(".tw-count").textContent, "chunk 5 of 30");
  assert.equal(model.get("at"), 5000);
  model.set("at", 12_400);
  await painted();
  assert.deepEqual([part(".tw-count").textContent, model.get("selected")], ["chunk 12 of 30", 12]);
});

test("it opens where it was", async () => {
  const { part } = await opened("timeline", { events: journal(30), at: 7000, selected: 7, speed: 2 }, []);
  assert.equal(part(".tw-count").textContent, "chunk 7 of 30");
  assert.equal(/** @type {HTMLSelectElement} */ (part("select")).value, "2");
});

test("it plays, at the speed asked for", async () => {
  const events = journal(10).map((event) => ({ ...event, at: event.at * 1000 }));
  const { part, painted } = await opened("timeline", { events, at: 0, selected: -1, speed: 4 }, []);
  press(part(".tw-track"), " ");
  for (let i = 0; i < 6; i++) frame();
  await painted();
  assert.equal(part(".tw-controls .tw-button").textContent, "Pause");
  const [at] = (part(".tw-clock").textContent ?? "").split(" ");
  assert.ok(Number(at) >= 2 && Number(at) <= 4, at);
});

test("only the rows that are to be seen are in the document, and keys reach all of them", async () => {
  const events = journal(5000);
  const { model, el, part, painted } = await opened("inspector", { events, leg: "provider", filter: "", selected: -1 }, framesOf(events));
  assert.ok(el.querySelectorAll(".tw-row").length < 60);
  assert.match(part(".tw-count").textContent ?? "", /5,002 frames/);
  press(part(".tw-list"), "End");
  press(part(".tw-list"), "ArrowUp");
  await painted();
  assert.equal(model.get("selected"), 5000);
  assert.equal(part(".tw-marked").textContent, "w4999 ");
  assert.match(part(".tw-detail-title").textContent ?? "", /Frame 5,001, received/);
});

test("a selection from elsewhere selects the frame that brought it", async () => {
  const events = journal(5);
  const { model, part, painted } = await opened("inspector", { events, leg: "provider", filter: "", selected: -1 }, framesOf(events));
  model.set("selected", 3);
  await painted();
  assert.equal(part('.tw-row[aria-selected="true"] .tw-said').textContent, "w2 ");
});

test("a frame that brought nothing can be selected, and moves no other widget", async () => {
  const events = journal(3);
  const { model, part, painted } = await opened("inspector", { events, leg: "provider", filter: "", selected: 2 }, framesOf(events));
  press(part(".tw-list"), "End");
  await painted();
  assert.match(part(".tw-detail-title").textContent ?? "", /Frame 5,/);
  assert.equal(model.get("selected"), 2);
});

test("the filter is a trait, and says what is wrong with it", async () => {
  const events = journal(5);
  const { model, el, part, painted } = await opened("inspector", { events, leg: "provider", filter: "w3", selected: -1 }, framesOf(events));
  assert.equal(el.querySelectorAll(".tw-row").length, 1);
  model.set("filter", "dir:nowhere");
  await painted();
  assert.match(part(".tw-wrong").textContent ?? "", /in or out/);
});

test("what a frame holds stays text", async () => {
  const hostile = '<img src=x onerror="alert(1)"></script>\u202e';
  const events = journal(1).map((event) => (event.type === "text" ? { ...event, delta: hostile } : event));
  const { el, part, painted } = await opened("inspector", { events, leg: "provider", filter: "", selected: -1 }, [
    { at: 1000, dir: "in", frame: btoa(`data: ${JSON.stringify({ choices: [{ delta: { content: hostile.slice(0, -1) } }] })}\n\n`) },
  ]);
  press(part(".tw-list"), "Home");
  await painted();
  assert.equal(el.querySelectorAll("img, script").length, 0);
  assert.match(part(".tw-tokens").textContent ?? "", /<img src=x.*\[U\+202E\]/);
});
