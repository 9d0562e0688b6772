// What all transports have in common: their shape, their names, and the refusal that no other transport would change.

/** @import { Input, StreamEvent } from "./messages.js" */

/** `webrtc` loses packets and no events; the others with that name are reliable. @typedef {"sse" | "ws" | WebRTCName | "comm"} TransportName */
/** @typedef {"webrtc" | "webrtc-ordered" | "webrtc-unordered"} WebRTCName */

/**
 * Who reads a stream.
 * @typedef {object} Reader
 * @property {() => void} opened the connection stands; events may follow
 * @property {(events: StreamEvent[], sent?: number) => void} events and when they were written, µs of the clock of their `at`
 * @property {(trip: RoundTrip) => void} [clock] told of what the connection's opening says of the stream's clock
 */

/**
 * A question to the stream's clock: asked and answered by the page's clock, and what it told between; all in µs.
 * @typedef {{asked: number, at: number, answered: number}} RoundTrip
 */

/**
 * A way to a stream. `attach` follows it from behind `after` and settles when the connection ended, with or without the stream's
 * terminal event, or when `signal` aborts; it rejects with a reason in words.
 * @typedef {object} Transport
 * @property {(stream: string, after: number, reader: Reader, signal: AbortSignal) => Promise<void>} attach
 * @property {() => Promise<void>} [open] resolves when a connection stands, which then waits some seconds to be used
 * @property {(stream: string) => Promise<void>} stop ends the stream for everybody
 * @property {(stream: string, given: Input) => Promise<void>} [input] gives a voice session an input
 * @property {(stream: string) => Promise<RoundTrip>} [clock] rejects where the stream has no clock
 */

/** The words people know, in the order of the legend. @type {Record<TransportName, string>} */
export const LABELS = {
  sse: "SSE",
  ws: "WebSocket",
  webrtc: "WebRTC",
  "webrtc-ordered": "WebRTC ordered",
  "webrtc-unordered": "WebRTC unordered",
  comm: "comm",
};

/** Told apart without colour. @type {Record<TransportName, string>} */
export const MARKS = { sse: "●", ws: "■", webrtc: "▲", "webrtc-ordered": "△", "webrtc-unordered": "▽", comm: "◆" };

/** How long a connection may take to open, ms. */
export const OPEN_MS = 3000;

/** The server answered, and said no. */
export class Refused extends Error {
  /**
   * @param {string} code of the vocabulary
   * @param {string} message one sentence
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The one way that was allowed does not work, and trying it again would not help. */
export class GivenUp extends Error {}

/**
 * The refusal in a message or an answer's body.
 * @param {import("./messages.js").Refusal | undefined} error
 */
export function refusedBy(error) {
  return new Refused(error?.code ?? "internal", error?.message || "the server refused without a reason");
}

/** @param {unknown} error */
export const reasonOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * The same promise, given up when the signal aborts.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export function abortable(promise, signal) {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
