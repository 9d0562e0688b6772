import assert from "node:assert/strict";
import { test } from "node:test";
import { JSDOM } from "jsdom";
import { CHUNKS, noPeer, stays, upgraded } from "../src/lib/upgrade.js";

/** @import { Hub } from "../src/lib/hub.js" */
/** @import { Transport } from "../src/lib/transport.js" */

/** @param {string} base */
function page(base) {
  const { window } = new JSDOM(`<script id="jupyter-config-data" type="application/json">${JSON.stringify({ baseUrl: base })}</script>`, { url: "http://lab.example/lab" });
  Object.assign(globalThis, { document: window.document, location: window.location });
}
/** @returns {Hub} */
const hub = () => ({ channels: new Map(), sse: 0 });
/** @param {() => Promise<void>} open */
const peer = (open) => /** @type {Transport} */ ({ attach: async () => {}, stop: async () => {}, open });

test("a peer that does not open is tried once for the whole page", async () => {
  page("/user/a/");
  const shared = hub();
  let tries = 0;
  const refused = peer(async () => {
    tries += 1;
    throw new Error("the server has no network interface for WebRTC");
  });
  for (let i = 0; i < 3; i++) assert.match(await upgraded(refused, { over: false, rate: 25 }, shared), /no network interface/);
  assert.equal(tries, 1);
});

test("one that was lost is not tried again either", async () => {
  page("/user/a/");
  const shared = hub();
  assert.equal(await upgraded(peer(async () => {}), { over: false, rate: 25 }, shared), "");
  noPeer("nothing was heard from the server for 2 s", shared);
  assert.match(await upgraded(peer(async () => assert.fail("it was tried")), { over: false, rate: 25 }, shared), /nothing was heard/);
});

test("only so many chunks a second; a stream that is over makes room", async () => {
  page("/user/a/");
  const shared = hub();
  const readers = Array.from({ length: 4 }, () => ({ over: false, rate: CHUNKS / 4 }));
  for (const reader of readers) assert.equal(await upgraded(peer(async () => {}), reader, shared), "");
  assert.match(await upgraded(peer(async () => assert.fail("it was tried")), { over: false, rate: 1 }, shared), /chunks a second/);
  readers[0].over = true;
  assert.equal(await upgraded(peer(async () => {}), { over: false, rate: 1 }, shared), "");
});

test("a stream that nobody reads any more, or that was switched, makes room as well", async () => {
  page("/user/a/");
  const shared = hub();
  const closed = { over: false, rate: CHUNKS };
  assert.equal(await upgraded(peer(async () => {}), closed, shared), "");
  assert.match(await upgraded(peer(async () => {}), { over: false, rate: 25 }, shared), /chunks a second/);
  stays(closed, shared);
  assert.equal(await upgraded(peer(async () => {}), { over: false, rate: 25 }, shared), "");
});

test("a fast stream stays where it is", async () => {
  page("/user/a/");
  assert.match(await upgraded(peer(async () => assert.fail("it was tried")), { over: false, rate: CHUNKS + 1 }, hub()), /chunks a second/);
  assert.equal(await upgraded(peer(async () => {}), { over: false, rate: CHUNKS }, hub()), "");
});

test("a page of another origin than its server opens none", async () => {
  page("https://hub.example/user/a/");
  assert.match(await upgraded(peer(async () => assert.fail("it was tried")), { over: false, rate: 25 }, hub()), /another server/);
});
