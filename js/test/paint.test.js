import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { painter } from "../src/lib/paint.js";
import { IntersectionObserver } from "./tools.js";

const browser = /** @type {Record<string, any>} */ (globalThis);
const NAMES = ["requestAnimationFrame", "cancelAnimationFrame", "IntersectionObserver"];
const own = Object.fromEntries(NAMES.map((name) => [name, browser[name]]));
/** @type {Map<number, () => void>} */
const frames = new Map();
/** @type {AbortController} */
let gone;
let painted = 0;

beforeEach(() => {
  frames.clear();
  painted = 0;
  gone = new AbortController();
  let last = 0;
  Object.assign(browser, {
    IntersectionObserver,
    requestAnimationFrame: (/** @type {() => void} */ f) => (frames.set(++last, f), last),
    cancelAnimationFrame: (/** @type {number} */ id) => frames.delete(id),
  });
  mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach(() => {
  gone.abort();
  mock.timers.reset();
  Object.assign(browser, own);
});

const made = () => painter(() => void painted++, /** @type {any} */ ({}), gone.signal);

function frame() {
  const due = [...frames.values()];
  frames.clear();
  for (const f of due) f();
}

test("it paints once a frame, however often it is asked", () => {
  const draw = made();
  for (let i = 0; i < 5; i++) draw();
  frame();
  assert.equal(painted, 1);
  frame();
  assert.equal(painted, 1);
  draw();
  frame();
  assert.equal(painted, 2);
});

test("where no frames come it paints all the same", () => {
  made()();
  mock.timers.tick(500);
  assert.equal(painted, 1);
});

test("out of sight it paints some times a second, and at once when it comes into sight", () => {
  const draw = made();
  IntersectionObserver.see(false);
  assert.ok(draw.unseen);
  draw();
  frame();
  assert.equal(painted, 0);
  mock.timers.tick(250);
  assert.equal(painted, 1);
  draw();
  IntersectionObserver.see(true);
  assert.equal(painted, 2);
  assert.ok(!draw.unseen);
  draw();
  frame();
  assert.equal(painted, 3);
});

test("nothing is painted for a view that is gone", () => {
  const draw = made();
  draw();
  gone.abort();
  frame();
  mock.timers.tick(1000);
  draw();
  frame();
  assert.equal(painted, 0);
  assert.equal(IntersectionObserver.all.size, 0);
});
