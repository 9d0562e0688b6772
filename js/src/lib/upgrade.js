// A better way for a stream that is being read already: the page's one peer, which is tried once and in the background.

import { pageHub } from "./hub.js";
import { findServer } from "./server.js";
import { reasonOf } from "./transport.js";

/** @import { Hub } from "./hub.js" */
/** @import { Transport } from "./transport.js" */

/** @typedef {{readonly over: boolean, readonly rate: number}} Upgradable */

/** A stream that ends sooner gains nothing by it, ms; and until then nothing disturbs its first words. */
export const AFTER_MS = 1000;
/**
 * Chunks a second of all streams of a page that are read over the peer unasked. Each is a packet and an acknowledgement, which cost both
 * ends more than a socket's; and in a faster stream the next one covers for a gap sooner than any reader sees it.
 */
export const CHUNKS = 100;

export const UPGRADED = "chosen automatically: it opened while the first words came another way, and a lost packet holds nothing up here";

/**
 * Have the peer opened for one more stream.
 * @param {Transport} transport
 * @param {Upgradable} reader whose stream it is, and how many chunks a second it has
 * @param {Hub} hub
 * @returns {Promise<string>} why it is not to be used, or an empty string
 */
export async function upgraded(transport, reader, hub = pageHub()) {
  hub.noPeer ??= elsewhere() ? "this page comes from another server than its streams" : "";
  if (hub.noPeer) return hub.noPeer;
  const readers = (hub.upgraded ??= new Set());
  for (const other of readers) if (other.over) readers.delete(other);
  const chunks = [reader, ...readers].reduce((sum, { rate }) => sum + rate, 0);
  if (chunks > CHUNKS) return `with this stream it would carry more than ${CHUNKS} chunks a second, which would cost more than they gain`;
  readers.add(reader);
  try {
    await transport.open?.();
    return "";
  } catch (error) {
    readers.delete(reader);
    return noPeer(reasonOf(error), hub);
  }
}

/** Say that a stream is not read over the peer any more, or asks for its way itself. @param {Upgradable} reader @param {Hub} hub */
export function stays(reader, hub = pageHub()) {
  hub.upgraded?.delete(reader);
}

/** Remember that this page has no peer: it is not tried again. @param {string} reason @param {Hub} hub */
export function noPeer(reason, hub = pageHub()) {
  return (hub.noPeer = reason);
}

function elsewhere() {
  const server = findServer();
  return server !== null && new URL(server.base, location.href).origin !== location.origin;
}
