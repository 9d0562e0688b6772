// Frames as they travelled: which were one exchange, which messages they carried, and where the cuts between them fall.

import { last } from "./chunks.js";

/** @import { Chunk } from "./chunks.js" */

/** @typedef {"in" | "out"} Direction "out" is from us to the provider, or from the page to us */
/** @typedef {{frame: string, at: number, dir: Direction}} RawFrame base64, as `GET streams/{id}/wire` gives it */
/**
 * Bytes of one read or write, or one message of a transport that has messages.
 * @typedef {object} Travelled
 * @property {number} at µs
 * @property {Direction} dir
 * @property {Uint8Array} bytes
 * @property {string[]} [parts] the pieces it came in, where a transport's own limit cut it
 * @property {Framing} [framing] where it is known without looking
 */
/**
 * @typedef {object} Span
 * @property {number} start within its exchange's text
 * @property {number} end
 */
/** @typedef {"sse" | "messages" | "body" | "request"} Framing how an exchange is cut into messages */
/**
 * @typedef {object} Exchange
 * @property {string} text all that came in, or what went out
 * @property {Framing} framing
 * @property {Span[]} messages
 */
/**
 * @typedef {object} FrameParts
 * @property {number} index
 * @property {number} size bytes
 * @property {string} text
 * @property {Exchange} exchange
 * @property {number} start of its text within the exchange's
 * @property {number} end
 * @property {[number, number]} touches the messages it holds a piece of, as a half-open range
 * @property {boolean} continues begins within a message
 * @property {boolean} broken ends within a message
 */
/** @typedef {Travelled & FrameParts} Frame */

const SSE = /^\s*(?:data|event|id|retry)?:/; // a byte order mark counts as space
const MESSAGE_END = /\r\n\r\n|\n\r\n|\r\n\n|\n\n|\r\r/g;

/** @param {RawFrame[]} raw @returns {Travelled[]} */
export const decoded = (raw) => raw.map(({ frame, at, dir }) => ({ at, dir, bytes: bytesOf(frame) }));

/** @param {string} base64 */
function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * Put frames in their exchanges: what goes out begins a new one.
 * @param {Travelled[]} travelled in order
 * @returns {Frame[]}
 */
export function readWire(travelled) {
  /** @type {Frame[]} */
  const frames = [];
  /** @type {Travelled[]} */
  let reads = [];
  const close = () => {
    frames.push(...exchanged(reads, frames.length));
    reads = [];
  };
  for (const one of travelled) {
    if (one.dir === "in") reads.push(one);
    else {
      close();
      frames.push(...exchanged([one], frames.length));
    }
  }
  close();
  return frames;
}

/**
 * @param {Travelled[]} reads of one exchange and direction
 * @param {number} first index
 * @returns {Frame[]}
 */
function exchanged(reads, first) {
  const decoder = new TextDecoder();
  const texts = reads.map(({ bytes }, i) => decoder.decode(bytes, { stream: i < reads.length - 1 }));
  const framing = framingOf(reads, texts);
  const text = texts.join("");
  const starts = [0];
  for (const piece of texts) starts.push(starts[starts.length - 1] + piece.length);
  const messages = framing === "messages" ? texts.map((_, i) => ({ start: starts[i], end: starts[i + 1] })) : cut(text, framing);
  const exchange = { text, framing, messages };
  return reads.map((one, i) => {
    const [start, end] = [starts[i], starts[i + 1]];
    const from = Math.max(0, last(messages, (message) => message.start <= start));
    const to = last(messages, (message) => message.start < Math.max(end, start + 1)) + 1;
    const [head, tail] = [messages[from], messages[to - 1]];
    return {
      ...one,
      index: first + i,
      size: one.bytes.length,
      text: texts[i],
      exchange,
      start,
      end,
      touches: [from, to],
      continues: head !== undefined && head.start < start,
      broken: tail !== undefined && tail.end > end,
    };
  });
}

/** @param {Travelled[]} reads @param {string[]} texts @returns {Framing} */
function framingOf(reads, texts) {
  if (reads[0]?.framing) return reads[0].framing;
  if (reads[0]?.dir === "out") return "request";
  if (SSE.test(texts.join(""))) return "sse";
  return texts.every((text) => json(text) !== undefined) ? "messages" : "body";
}

/** @param {string} text @param {Framing} framing @returns {Span[]} */
function cut(text, framing) {
  if (text === "") return [];
  const ends = framing === "sse" ? [...text.matchAll(MESSAGE_END)].map(({ 0: end, index }) => index + end.length) : [];
  if (ends.at(-1) !== text.length) ends.push(text.length);
  return ends.map((end, i) => ({ start: ends[i - 1] ?? 0, end }));
}

/** The value of a text that is an object or a list, else undefined. @param {string} text @returns {any} */
export function json(text) {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The data of an SSE message, or a message itself. @param {string} text @param {Framing} framing */
export function payload(text, framing) {
  if (framing !== "sse") return text;
  return [...text.matchAll(/(?:^|[\r\n])data: ?([^\r\n]*)/g)].map(([, data]) => data).join("\n"); // JSON may hold U+2028, no line end here
}

/**
 * The frame that brought each chunk: the one in which the message that says its text was completed. Where no message says it (it was put
 * together from several), the last frame that had come.
 * @param {Chunk[]} chunks
 * @param {Frame[]} frames
 * @returns {number[]} indexes of frames, -1 where there is none
 */
export function carriers(chunks, frames) {
  const messages = arrivals(frames);
  /** What the message at the cursor was found to say: a message that brings two chunks says both. @type {Set<string>} */
  let said = new Set();
  let cursor = 0;
  return chunks.map(({ at, text }) => {
    const come = last(messages, (message) => message.at <= at);
    const found = text === "" ? -1 : find(messages, said.has(text) ? cursor + 1 : cursor, come, text);
    const now = found < 0 ? Math.max(cursor, come) : found;
    if (now !== cursor) said = new Set();
    if (found >= 0) said.add(text);
    cursor = now;
    return messages[found < 0 ? come : found]?.frame ?? -1;
  });
}

/** @typedef {{at: number, frame: number, data: string}} Arrival */

/** When each message was whole, and with which frame. @param {Frame[]} frames @returns {Arrival[]} */
function arrivals(frames) {
  /** @type {Arrival[]} */
  const found = [];
  for (const { dir, at, index, end, start, exchange, touches } of frames) {
    if (dir === "out") continue;
    for (const message of exchange.messages.slice(...touches)) {
      if (message.end > end || message.end <= start) continue;
      found.push({ at, frame: index, data: payload(exchange.text.slice(message.start, message.end), exchange.framing) });
    }
  }
  return found;
}

/** @param {Arrival[]} messages @param {number} from @param {number} to @param {string} text */
function find(messages, from, to, text) {
  for (let i = from; i <= to; i++) if (says(json(messages[i].data), text)) return i;
  return -1;
}

/** Whether a JSON value holds a text. @param {any} value @param {string} text @returns {boolean} */
function says(value, text) {
  if (typeof value === "string") return value === text;
  return typeof value === "object" && value !== null && Object.values(value).some((part) => says(part, text));
}

/**
 * @typedef {object} Read what came in together
 * @property {number} number from 1
 * @property {number[]} chunks indexes of those it brought
 */

/**
 * Frames of one instant were one read.
 * @param {Frame[]} frames
 * @param {number[]} carried the frame of each chunk
 * @returns {(Read | undefined)[]} the read of each frame, none of what went out
 */
export function readsOf(frames, carried) {
  /** @type {Map<number, Read>} */
  const reads = new Map();
  const ofFrame = frames.map(({ dir, at }) => {
    if (dir === "out") return undefined;
    const read = reads.get(at) ?? { number: reads.size + 1, chunks: [] };
    reads.set(at, read);
    return read;
  });
  carried.forEach((frame, chunk) => ofFrame[frame]?.chunks.push(chunk));
  return ofFrame;
}
