// Server-sent events by fetch: EventSource cannot send the XSRF header that JupyterHub wants.

import { pageHub } from "../hub.js";
import { call } from "../server.js";
import { SSEParser } from "../sse.js";
import { refusedBy } from "../transport.js";
import { tapped } from "../wiretap.js";

/** @import { StreamEvent } from "../messages.js" */
/** @import { Server } from "../server.js" */
/** @import { SSEMessage } from "../sse.js" */
/** @import { Reader, Transport } from "../transport.js" */

const READERS = 4; // a browser keeps six HTTP/1.1 connections to a host, and Jupyter itself needs some
const IDLE_MS = 60_000; // the server comments more often than that

/**
 * @param {Server} server
 * @returns {Transport}
 */
export function sseTransport(server) {
  return {
    async attach(stream, after, reader, signal) {
      const hub = pageHub();
      if (hub.sse >= READERS) throw new Error(`this page already reads ${READERS} streams over SSE, and a browser has few connections`);
      hub.sse += 1;
      try {
        await follow(server, stream, after, reader, signal);
      } finally {
        hub.sse -= 1;
      }
    },

    async clock(stream) {
      const asked = pageTime();
      const response = await call(server, `${path(stream)}/clock`);
      const answered = pageTime();
      if (!response.ok) throw await refusal(response);
      return { asked, at: (await response.json()).at, answered };
    },

    async input(stream, given) {
      const body = JSON.stringify({ inputs: [given] });
      const headers = { "Content-Type": "application/json" };
      const response = await call(server, `${path(stream)}/input`, { method: "POST", headers, body });
      if (!response.ok) throw await refusal(response);
    },

    async stop(stream) {
      const response = await call(server, path(stream), { method: "DELETE" });
      if (!response.ok) throw await refusal(response);
    },
  };
}

/** @param {string} stream */
const path = (stream) => `tokenwidgets/streams/${encodeURIComponent(stream)}`;

/**
 * @param {Server} server
 * @param {string} stream
 * @param {number} after
 * @param {Reader} reader
 * @param {AbortSignal} signal
 */
async function follow(server, stream, after, reader, signal) {
  const asked = pageTime();
  const idle = new AbortController();
  const query = after < 0 ? "" : `?after=${after}`;
  tapped("sse", "out", stream, `GET /${path(stream)}/events${query} HTTP/1.1\r\naccept: text/event-stream\r\n\r\n`);
  const response = await call(server, `${path(stream)}/events${query}`, {
    headers: { Accept: "text/event-stream" },
    signal: AbortSignal.any([signal, idle.signal]),
  });
  if (!response.ok) throw await refusal(response);
  if (response.status !== 204 && !response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
    throw new Error("the server answered with a page instead of events: you may be signed out");
  }
  reader.opened();
  if (!response.body) return;
  const parser = new SSEParser();
  const body = response.body.getReader();
  for (;;) {
    const timer = setTimeout(() => idle.abort(new Error(`nothing came for ${IDLE_MS / 1000} s`)), IDLE_MS);
    const { done, value } = await body.read().finally(() => clearTimeout(timer));
    if (done) return;
    tapped("sse", "in", stream, value);
    const opening = parser.sent === undefined;
    const batches = batched(parser.push(value));
    if (opening && parser.sent !== undefined) reader.clock?.({ asked, at: parser.sent, answered: pageTime() });
    for (const { events, sent } of batches) reader.events(events, sent);
  }
}

/**
 * Events by the batch in which the server wrote them: several may come in one read.
 * @param {SSEMessage[]} messages
 */
function batched(messages) {
  /** @type {{events: StreamEvent[], sent: number | undefined}[]} */
  const batches = [];
  for (const { data, sent } of messages) {
    if (batches.length === 0 || batches[batches.length - 1].sent !== sent) batches.push({ events: [], sent });
    batches[batches.length - 1].events.push(JSON.parse(data));
  }
  return batches;
}

/** µs */
const pageTime = () => performance.now() * 1000;

/** @param {Response} response */
async function refusal(response) {
  const body = await response.json().catch(() => null);
  if (body?.error?.code) return refusedBy(body.error);
  if (response.status === 404) return new Error("the Jupyter server has no tokenwidgets extension");
  if (response.status === 401 || response.status === 403) {
    return new Error(`the Jupyter server does not accept this page (${response.status}): reload it to sign in`);
  }
  return new Error(`the Jupyter server answered ${response.status}`);
}
