// Server-sent events by fetch: EventSource cannot send the XSRF header that JupyterHub wants.

import { pageHub } from "../hub.js";
import { call } from "../server.js";
import { SSEParser } from "../sse.js";
import { refusedBy } from "../transport.js";

/** @import { Server } from "../server.js" */
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
  const idle = new AbortController();
  const query = after < 0 ? "" : `?after=${after}`;
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
    const events = parser.push(value).map(({ data }) => JSON.parse(data));
    if (events.length) reader.events(events);
  }
}

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
