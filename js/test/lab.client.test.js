import assert from "node:assert/strict";
import { test } from "node:test";
import { beClient } from "../src/lab/client.js";
import { Refused } from "../src/lib/transport.js";
import { journal, settled } from "./tools.js";

const KERNEL = 5_000_000; // by how much its clock is before this one's, µs
const never = new AbortController().signal;

/** A kernel that keeps what it is told, and answers `came` as `then` says. @param {() => any} [then] */
function kernel(then = () => ({})) {
  /** @type {any} */
  const told = { attached: [], shown: [], ended: [], offers: [], within: [], came: 0 };
  /** @type {import("../src/lib/ask.js").Ask} */
  const ask = async (op, /** @type {any} */ fields = {}) => {
    if (op === "join") return { stream: "s", lanes: ["webrtc-ordered", "webrtc"] };
    if (op === "offer") return { sdp: `answer to ${fields.sdp} of ${fields.lane}`, ...told.offers.push(fields.lane) };
    told.came += 1;
    for (const name of ["attached", "shown", "ended"]) told[name].push(...fields[name]);
    told.within.push(fields.within);
    const at = performance.now() * 1000 + KERNEL;
    await settled();
    return { at, ...(await then()) };
  };
  return { told, ask };
}

/** Peers that bring the whole stream once their offer is answered, and it is time. @param {string[]} closed @param {Promise<void>} time */
const peers = (closed, time) => /** @type {any} */ (async (/** @type {any} */ signalling, /** @type {string} */ lane) => {
  const { sdp } = await signalling.answer({ sdp: "offer" }, never);
  assert.equal(sdp, `answer to offer of ${lane}`);
  return {
    /** @param {string} _ @param {number} after @param {any} reader */
    async attach(_, after, reader) {
      if (lane === "webrtc") await time;
      for (const event of journal(3)) if (event.seq > after) reader.events([event]);
    },
    close: () => void closed.push(lane),
  };
});

test("each lane tells what it showed, to the end, by the kernel's clock; then its peer is closed", async () => {
  /** @type {(value?: any) => void} */
  let begin = () => {};
  /** @type {Promise<void>} */
  const time = new Promise((resolve) => (begin = resolve));
  const { told, ask } = kernel(() => (told.came > 8 ? begin() ?? settled() : {})); // one lane comes to its end while the other's is told
  /** @type {string[]} */
  const closed = [];
  const before = performance.now() * 1000 + KERNEL;
  await beClient(ask, never, peers(closed, time));
  const after = performance.now() * 1000 + KERNEL;
  assert.deepEqual(told.attached.sort(), ["webrtc", "webrtc-ordered"]);
  for (const lane of ["webrtc", "webrtc-ordered"]) {
    const shown = told.shown.filter((/** @type {any[]} */ [of]) => of === lane);
    assert.deepEqual(shown.map((/** @type {any[]} */ [, seq]) => seq), [1, 2, 3]);
    assert.ok(shown.every((/** @type {any[]} */ [, , at]) => at >= before - told.within.at(-1) && at <= after + told.within.at(-1)));
  }
  assert.deepEqual(told.ended.map((/** @type {any[]} */ [lane, , why]) => `${lane}${why}`).sort(), ["webrtc", "webrtc-ordered"]);
  assert.equal(told.within[0], null);
  assert.ok(told.within.at(-1) > 0);
  await settled();
  assert.deepEqual(closed.sort(), ["webrtc", "webrtc-ordered"]);
});

test("a lane that cannot be opened says why, and is not tried again", async () => {
  const { told, ask } = kernel();
  let tried = 0;
  await beClient(ask, never, async () => {
    tried += 1;
    throw new Error("no direct path to the server was found within 8 s");
  });
  assert.equal(tried, 2);
  assert.deepEqual(told.ended.map((/** @type {any[]} */ [, , why]) => why), Array(2).fill("no direct path to the server was found within 8 s"));
  assert.deepEqual(told.attached, []);
});

test("a run that is over, or another page's, is left in silence", async () => {
  const over = new Refused("not_found", "This run is over.");
  /** @type {string[]} */
  const closed = [];
  const { told, ask } = kernel(() => (told.came > 8 ? Promise.reject(over) : {}));
  const waiting = /** @type {any} */ (async (/** @type {any} */ _, /** @type {string} */ lane) => ({
    attach: (/** @type {any[]} */ ...[, , , signal]) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined))),
    close: () => void closed.push(lane),
  }));
  await beClient(ask, never, waiting);
  await settled();
  assert.deepEqual(closed.sort(), ["webrtc", "webrtc-ordered"]);
  await beClient(() => Promise.reject(over), never, waiting);
});
