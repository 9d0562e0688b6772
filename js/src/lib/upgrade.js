// A better way for a stream that is being read already: the page's one peer, which is tried once and in the background.

import { pageHub } from "./hub.js";
import { findServer } from "./server.js";
import { reasonOf } from "./transport.js";

/** @import { Hub } from "./hub.js" */
/** @import { Transport } from "./transport.js" */

/** A stream that ends sooner gains nothing by it, ms; and until then nothing disturbs its first words. */
export const AFTER_MS = 1000;
/** Streams of a page that are read over the peer unasked: each token is a packet and an acknowledgement, which cost the server more than a socket's. */
export const STREAMS = 8;
/** The fastest stream that goes over, chunks a second: beyond it the next one covers for a gap sooner than any reader sees it. */
export const FASTEST = 200;

export const UPGRADED = "chosen automatically: it opened while the first words came another way, and a lost packet holds nothing up here";

/**
 * Have the peer opened for one more stream.
 * @param {Transport} transport
 * @param {{over: boolean, rate?: number}} reader whose stream it is, and how many chunks a second it has
 * @param {Hub} hub
 * @returns {Promise<string>} why it is not to be used, or an empty string
 */
export async function upgraded(transport, reader, hub = pageHub()) {
  hub.noPeer ??= elsewhere() ? "this page comes from another server than its streams" : "";
  if (hub.noPeer) return hub.noPeer;
  if ((reader.rate ?? 0) > FASTEST) return `more than ${FASTEST} chunks a second would cost more there than they gain`;
  const readers = (hub.upgraded ??= new Set());
  for (const other of readers) if (other.over) readers.delete(other);
  if (readers.size >= STREAMS) return `${STREAMS} streams of this page use it already`;
  readers.add(reader);
  try {
    await transport.open?.();
    return "";
  } catch (error) {
    readers.delete(reader);
    return noPeer(reasonOf(error), hub);
  }
}

/** Remember that this page has no peer: it is not tried again. @param {string} reason @param {Hub} hub */
export function noPeer(reason, hub = pageHub()) {
  return (hub.noPeer = reason);
}

function elsewhere() {
  const server = findServer();
  return server !== null && new URL(server.base, location.href).origin !== location.origin;
}
