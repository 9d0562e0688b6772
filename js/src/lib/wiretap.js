// What this page received and sent for its streams, as it travelled. One for all widgets of a page, whichever came first.

/** @import { TransportName } from "./transport.js" */
/** @import { Direction, Travelled } from "./wire.js" */

/** @typedef {Travelled & {transport: TransportName}} Tapped `at` is the page's clock */
/**
 * @typedef {object} Tape
 * @property {Tapped[]} messages
 * @property {number} bytes
 * @property {number} dropped messages beyond the limit
 */
/** @typedef {{tapes: Map<string, Tape>, peer: RTCPeerConnection | null}} Wiretap */

const KEY = Symbol.for("tokenwidgets.wiretap.v1");

/** Kept of one stream; what comes later is only counted. */
export const STREAM_BYTES = 2 * 2 ** 20;
/** Streams that are kept; the oldest gives way. */
export const STREAMS = 12;

const encoder = new TextEncoder();

/** @returns {Wiretap} */
export function pageTap() {
  const page = /** @type {Record<symbol, Wiretap>} */ (/** @type {unknown} */ (globalThis));
  return (page[KEY] ??= { tapes: new Map(), peer: null });
}

/**
 * Keep a message of a stream.
 * @param {TransportName} transport
 * @param {Direction} dir
 * @param {unknown} stream its id; anything else is a message of the connection itself, which is not kept
 * @param {unknown} data text or bytes; anything else travelled as its JSON
 * @param {string[]} [parts]
 * @param {Wiretap} [tap]
 */
export function tapped(transport, dir, stream, data, parts, tap = pageTap()) {
  if (typeof stream !== "string") return;
  const tape = tap.tapes.get(stream) ?? begin(tap, stream);
  const bytes = data instanceof Uint8Array ? data : encoder.encode(typeof data === "string" ? data : JSON.stringify(data));
  if (tape.bytes + bytes.length > STREAM_BYTES) {
    tape.dropped += 1;
    return;
  }
  tape.bytes += bytes.length;
  const framing = transport !== "sse" && dir === "in" ? "messages" : undefined;
  tape.messages.push({ at: Math.round(performance.now() * 1000), dir, bytes, transport, parts, framing });
}

/** @param {Wiretap} tap @param {string} stream */
function begin({ tapes }, stream) {
  const oldest = tapes.keys().next();
  if (tapes.size >= STREAMS && !oldest.done) tapes.delete(oldest.value);
  const tape = { messages: [], bytes: 0, dropped: 0 };
  tapes.set(stream, tape);
  return tape;
}
