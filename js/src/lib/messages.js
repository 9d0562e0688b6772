// The messages of the socket, the data channels and the comm, both ways, and their travel in numbered parts.

/**
 * An event of a stream. Fields beyond these depend on the type; one that says nothing is left out.
 * @typedef {{type: string, seq: number, at: number, [field: string]: any}} StreamEvent
 */
/** @typedef {{code?: string, message?: string}} Refusal */
/** What a user gives a voice session (`tokenwidgets/realtime/inputs.py`). @typedef {{type: string, [field: string]: any}} Input */
/**
 * What the other side sends.
 * @typedef {object} Message
 * @property {string} [op]
 * @property {string} [stream]
 * @property {StreamEvent[]} [events]
 * @property {number} [sent] when the events were written, µs of the clock of their `at`
 * @property {number} [seq] in an acknowledgement: all events up to it are there
 * @property {number} [t] of the ping that a pong answers
 * @property {number} [at] µs of the stream's clock, in a pong
 * @property {Refusal} [error]
 * @property {[string | number, number, number]} [part]
 * @property {string} [data]
 * @property {Input} [input] for a voice session
 */

/** @param {string} stream @param {number} after @param {string} [via] the way by which its events are to come, beside the connection */
export const attach = (stream, after, via) => (via ? { op: "attach", stream, after, via } : { op: "attach", stream, after });
/** @param {string} stream @param {number} seq all events up to it are there @param {number} [sent] of the message that this answers */
export const ack = (stream, seq, sent) => ({ op: "ack", stream, seq, sent });
/** @param {string} stream */
export const detach = (stream) => ({ op: "detach", stream });
/** @param {string} stream */
export const stop = (stream) => ({ op: "stop", stream });
/** @param {string} stream @param {Input} given */
export const input = (stream, given) => ({ op: "input", stream, input: given });
/** @param {number} t @param {string} [stream] whose clock the answer is to tell */
export const ping = (t, stream) => ({ op: "ping", t, stream });

/** Whether an event is the last of its stream. @param {StreamEvent} event */
export const isTerminal = (event) => event.type === "end" || event.type === "error";

const FRAME = 64; // room for a part's own JSON, bytes
const WIDEST = 3; // UTF-8 bytes of one UTF-16 unit, and more than a quote or backslash grows by its escape
let parts = 0;

/**
 * A message as the texts that carry it: itself, or numbered parts when it may exceed `limit` bytes.
 * @param {string} text the message's JSON
 * @param {number} limit bytes
 * @returns {string[]}
 */
export function split(text, limit) {
  if (text.length * WIDEST <= limit) return [text];
  const size = Math.max(1, Math.floor((limit - FRAME) / WIDEST));
  const slices = [];
  for (let from = 0; from < text.length; ) {
    const to = from + size;
    // Half a surrogate pair would not survive UTF-8.
    const cut = isHigh(text.charCodeAt(to - 1)) && size > 1 ? to - 1 : to;
    slices.push(text.slice(from, cut));
    from = cut;
  }
  const id = parts++;
  return slices.map((data, index) => JSON.stringify({ part: [id, index, slices.length], data }));
}

/** @param {number} unit */
const isHigh = (unit) => unit >= 0xd800 && unit < 0xdc00;

const OPEN_MESSAGES = 8;
const MESSAGE_CHARACTERS = 32 * 2 ** 20;

/** Puts numbered parts together again; anything else passes through. */
export class Joiner {
  /** @type {Map<string | number, {slices: string[], missing: number, size: number}>} */
  #open = new Map();

  /**
   * The whole message, or null while parts of it are missing.
   * @param {Message} message
   * @returns {Message | null}
   */
  take(message) {
    if (!message.part) return message;
    const [id, index, total] = message.part;
    const open = this.#open.get(id) ?? { slices: [], missing: total, size: 0 };
    if (open.slices[index] === undefined) {
      open.slices[index] = message.data ?? "";
      open.missing -= 1;
      open.size += open.slices[index].length;
    }
    if (open.missing === 0) {
      this.#open.delete(id);
      return JSON.parse(open.slices.join(""));
    }
    this.#open.set(id, open);
    if (this.#open.size > OPEN_MESSAGES || open.size > MESSAGE_CHARACTERS) {
      throw new Error("the server sent more parts of messages than can be kept");
    }
    return null;
  }
}
