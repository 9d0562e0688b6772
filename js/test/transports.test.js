import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { JSDOM } from "jsdom";
import { pageHub } from "../src/lib/hub.js";
import { Refused } from "../src/lib/transport.js";
import { commTransport } from "../src/lib/transports/comm.js";
import { sseTransport } from "../src/lib/transports/sse.js";
import { webRTCTransports } from "../src/lib/transports/webrtc.js";
import { webSocketTransport } from "../src/lib/transports/websocket.js";
import { journal, settled } from "./tools.js";

/** @import { StreamEvent } from "../src/lib/messages.js" */

const SERVER = { base: "/user/a%40b/" };
const EVENTS = journal(2);
const browser = /** @type {Record<string, any>} */ (globalThis);
const own = { fetch: browser.fetch };

beforeEach(() => {
  const { window } = new JSDOM("", { url: "http://hub.example/user/a%40b/lab" });
  window.document.cookie = "_xsrf=token; path=/";
  Object.assign(browser, { document: window.document, location: window.location });
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
});
afterEach(() => {
  Object.assign(browser, own);
  for (const name of ["document", "location", "WebSocket"]) delete browser[name];
  pageHub().channels.clear();
  mock.timers.reset();
});

function reader() {
  /** @type {number[]} */
  const seqs = [];
  return { seqs, opened() {}, events: (/** @type {StreamEvent[]} */ events) => void seqs.push(...events.map(({ seq }) => seq)) };
}

/** @param {(url: string, init: RequestInit) => Response} answer */
function serve(answer) {
  /** @type {{url: string, headers: Headers, method: string | undefined}[]} */
  const calls = [];
  browser.fetch = async (/** @type {string} */ url, /** @type {RequestInit} */ init) => {
    calls.push({ url, headers: new Headers(init.headers), method: init.method });
    return answer(url, init);
  };
  return calls;
}

const eventStream = (/** @type {string | null} */ body, status = 200) =>
  new Response(body, { status, headers: { "Content-Type": "text/event-stream" } });
const never = new AbortController().signal;

test("SSE asks behind the cursor, signed with the XSRF header, and reads to the end", async () => {
  const calls = serve(() => eventStream(EVENTS.slice(1).map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`).join("")));
  const { seqs, ...rest } = reader();
  await sseTransport(SERVER).attach("a/b", 0, rest, never);
  assert.deepEqual(seqs, [1, 2, 3]);
  assert.equal(calls[0].url, "/user/a%40b/tokenwidgets/streams/a%2Fb/events?after=0");
  assert.equal(calls[0].headers.get("X-XSRFToken"), "token");
  assert.equal(calls[0].headers.get("Accept"), "text/event-stream");
  assert.equal(calls[0].headers.get("Authorization"), null);
});

test("SSE behind the end is answered 204, and is no failure", async () => {
  serve(() => eventStream(null, 204));
  const { seqs, ...rest } = reader();
  await sseTransport(SERVER).attach("s", 3, rest, never);
  assert.deepEqual(seqs, []);
});

test("SSE tells a stream that is gone from a server that knows nothing of streams", async () => {
  const attach = () => sseTransport(SERVER).attach("s", -1, reader(), never);
  serve(() => Response.json({ message: "Gone.", error: { code: "not_found", message: "There is no such stream." } }, { status: 404 }));
  await assert.rejects(attach(), (error) => error instanceof Refused && error.code === "not_found");
  serve(() => new Response("<h1>404</h1>", { status: 404 }));
  await assert.rejects(attach(), /no tokenwidgets extension/);
  serve(() => new Response("<form>", { status: 200, headers: { "Content-Type": "text/html" } }));
  await assert.rejects(attach(), /signed out/);
});

test("a page reads four streams over SSE, and the fifth is refused in words until one ends", async () => {
  serve((_url, { signal }) => {
    const body = new ReadableStream({
      start: (controller) => signal?.addEventListener("abort", () => controller.error(signal.reason)),
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  });
  const leaving = [1, 2, 3, 4].map(() => new AbortController());
  const ends = leaving.map(({ signal }) => sseTransport(SERVER).attach("s", -1, reader(), signal).catch(() => "left"));
  await settled();
  await assert.rejects(sseTransport(SERVER).attach("s", -1, reader(), never), /already reads 4 streams over SSE/);
  leaving[0].abort();
  await ends[0];
  const last = new AbortController();
  const fifth = sseTransport(SERVER).attach("s", -1, reader(), last.signal).catch(() => "left");
  await settled();
  assert.equal(pageHub().sse, 4);
  for (const controller of [...leaving, last]) controller.abort();
  await Promise.all([...ends, fifth]);
  assert.equal(pageHub().sse, 0);
});

test("SSE stops with DELETE", async () => {
  const calls = serve(() => Response.json({}));
  await sseTransport(SERVER).stop("s");
  assert.deepEqual([calls[0].method, calls[0].url], ["DELETE", "/user/a%40b/tokenwidgets/streams/s"]);
});

/** Stands for the browser's. */
class FakeSocket {
  /** @type {FakeSocket[]} */
  static all = [];
  /** @type {any[]} */
  sent = [];
  /** @type {any} */
  onopen;
  /** @type {any} */
  onmessage;
  /** @type {any} */
  onclose;
  closed = false;
  /** @param {string} url */
  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
}

test("all streams of a page take one socket, though each widget's module is its own", async () => {
  browser.WebSocket = FakeSocket;
  FakeSocket.all = [];
  const [one, two] = [reader(), reader()];
  const leaving = new AbortController();
  const first = webSocketTransport(SERVER).attach("a", -1, one, never);
  webSocketTransport(SERVER).attach("b", 1, two, leaving.signal);
  const [socket] = FakeSocket.all;
  socket.onopen();
  await settled();
  assert.equal(FakeSocket.all.length, 1);
  assert.equal(socket.url, "ws://hub.example/user/a%40b/tokenwidgets/socket");
  assert.deepEqual(socket.sent, [{ op: "attach", stream: "a", after: -1 }, { op: "attach", stream: "b", after: 1 }]);
  socket.onmessage({ data: JSON.stringify({ stream: "a", events: EVENTS }) });
  await first;
  assert.deepEqual([one.seqs, two.seqs], [[0, 1, 2, 3], []]);
  leaving.abort();
  await settled();
  assert.deepEqual(socket.sent.at(-1), { op: "detach", stream: "b" });
});

test("a socket that cannot be opened says so, and the next attempt opens a new one", async () => {
  browser.WebSocket = FakeSocket;
  FakeSocket.all = [];
  const attempt = webSocketTransport(SERVER).attach("a", -1, reader(), never);
  FakeSocket.all[0].onclose({ code: 1006 });
  await assert.rejects(attempt, /the socket was closed \(1006\)/);
  const leaving = new AbortController();
  webSocketTransport(SERVER).attach("a", -1, reader(), leaving.signal).catch(() => {});
  assert.equal(FakeSocket.all.length, 2);
  leaving.abort();
  FakeSocket.all[1].onclose({ code: 1000 });
  await settled();
});

test("without WebRTC in the browser the reason is plain", async () => {
  await assert.rejects(webRTCTransports(SERVER).webrtc.attach("a", -1, reader(), never), /this browser has no WebRTC/);
});

test("the comm keeps what the kernel sends before the page has asked, and takes nothing twice", async () => {
  /** @type {(message: object) => void} */
  let hear = () => {};
  /** @type {object[]} */
  const asked = [];
  const model = {
    on: (/** @type {string} */ _, /** @type {typeof hear} */ heard) => (hear = heard),
    send: (/** @type {object} */ message) => asked.push(message),
  };
  const transport = commTransport(/** @type {any} */ (model));
  hear({ stream: "s", events: EVENTS.slice(0, 2) });
  const seen = reader();
  const attached = transport.attach("s", -1, seen, new AbortController().signal);
  assert.deepEqual(seen.seqs, [0, 1]);
  hear({ stream: "s", events: EVENTS });
  await attached;
  assert.deepEqual(seen.seqs, EVENTS.map(({ seq }) => seq));
  assert.deepEqual(asked, [{ op: "attach", stream: "s", after: -1 }]);
});

test("SSE says when each batch was written, and what the clock said as the connection opened", async () => {
  const frames = EVENTS.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
  serve(() => eventStream(`: sent 5\n\n: sent 7\n\n${frames[0]}${frames[1]}: sent 900\n\n${frames.slice(2).join("")}`));
  /** @type {any[]} */
  const batches = [];
  /** @type {any[]} */
  const trips = [];
  await sseTransport(SERVER).attach("s", -1, {
    opened() {},
    events: (events, sent) => void batches.push([events.map(({ seq }) => seq), sent]),
    clock: (trip) => void trips.push(trip),
  }, never);
  assert.deepEqual(batches, [[[0, 1], 7], [[2, 3], 900]]);
  assert.equal(trips.length, 1);
  assert.ok(trips[0].at === 900 && trips[0].asked <= trips[0].answered);
});

test("SSE asks the stream's clock by a request beside its response", async () => {
  const calls = serve(() => Response.json({ at: 1234, now: 99 }));
  const clock = /** @type {NonNullable<import("../src/lib/transport.js").Transport["clock"]>} */ (sseTransport(SERVER).clock);
  const { asked, at, answered } = await clock("a/b");
  assert.equal(calls[0].url, "/user/a%40b/tokenwidgets/streams/a%2Fb/clock");
  assert.ok(at === 1234 && asked <= answered);
  serve(() => Response.json({ error: { code: "not_found", message: "There is no such stream." } }, { status: 404 }));
  await assert.rejects(clock("s"), (error) => error instanceof Refused && error.code === "not_found");
});
