// One leg of a stream's way: its frames, what each is, and which chunks of the content it brought.

import { pageTap } from "../lib/wiretap.js";
import { carriers, json, payload, readWire } from "../lib/wire.js";
import { kindOf } from "./kinds.js";

/** @import { Chunk } from "../lib/chunks.js" */
/** @import { TransportName } from "../lib/transport.js" */
/** @import { Frame, Travelled } from "../lib/wire.js" */

/** @typedef {Frame & {kind: string, brought: number[], transport: TransportName | ""}} Row `brought` are indexes of chunks */
/**
 * @typedef {object} Leg
 * @property {Row[]} rows
 * @property {number[]} carried the row of each chunk, -1 where there is none
 * @property {number} dropped frames beyond the limit
 */

/** @type {Leg} */
export const NOTHING = { rows: [], carried: [], dropped: 0 };

/**
 * @param {Travelled[]} travelled between the provider and us
 * @param {Chunk[]} chunks
 * @param {number} dropped
 * @returns {Leg}
 */
export function providerLeg(travelled, chunks, dropped) {
  const frames = readWire(travelled);
  return leg(frames, carriers(chunks, frames), dropped, () => "");
}

/**
 * What this page received for a stream.
 * @param {string} stream
 * @param {Chunk[]} chunks
 * @returns {Leg}
 */
export function pageLeg(stream, chunks) {
  const tape = pageTap().tapes.get(stream);
  if (!tape?.messages.length) return NOTHING;
  const origin = tape.messages[0].at;
  const ways = [...new Set(tape.messages.map(({ transport }) => transport))];
  const frames = ways.flatMap((way) => readWire(tape.messages.filter(({ transport }) => transport === way)).map((frame) => ({ ...frame, transport: way })));
  frames.sort((a, b) => a.at - b.at);
  const numbered = frames.map((frame, index) => ({ ...frame, index, at: frame.at - origin }));
  const first = firstBySeq(numbered);
  const carried = chunks.map(({ seq }) => first.get(seq) ?? -1);
  return leg(numbered, carried, tape.dropped, (index) => numbered[index].transport);
}

/** The frame that brought each event first. @param {Frame[]} frames */
function firstBySeq(frames) {
  /** @type {Map<number, number>} */
  const first = new Map();
  for (const { index, dir, exchange, touches, start, end, parts } of frames) {
    if (dir === "out") continue;
    for (const message of exchange.messages.slice(...touches)) {
      if (message.end > end || message.end <= start) continue;
      const value = json(parts ? joined(parts) : payload(exchange.text.slice(message.start, message.end), exchange.framing));
      for (const { seq } of value?.events ?? [value ?? {}]) if (typeof seq === "number" && !first.has(seq)) first.set(seq, index);
    }
  }
  return first;
}

/** A message from its numbered parts, or from the one that it is. @param {string[]} parts */
const joined = (parts) => (parts.length === 1 ? parts[0] : parts.map((part) => json(part)?.data ?? "").join(""));

/** @param {Frame[]} frames @param {number[]} carried @param {number} dropped @param {(index: number) => TransportName | ""} transport @returns {Leg} */
function leg(frames, carried, dropped, transport) {
  /** @type {number[][]} */
  const brought = frames.map(() => []);
  carried.forEach((frame, chunk) => brought[frame]?.push(chunk));
  const rows = frames.map((frame, i) => ({ ...frame, kind: kindsOf(frame), brought: brought[i], transport: transport(i) }));
  return { rows, carried, dropped };
}

/** What the messages are that begin in a frame; of the one that goes on in it, if none does. @param {Frame} frame */
function kindsOf({ dir, start, exchange, touches, parts }) {
  if (exchange.framing === "request" && !parts) return json(exchange.text)?.op ?? json(exchange.text)?.type ?? "request";
  const messages = exchange.messages.slice(...touches);
  const begun = messages.filter((message) => message.start >= start);
  const texts = (begun.length ? begun : messages).map((message) => exchange.text.slice(message.start, message.end));
  const kinds = texts.map((text) => kindOf(parts ? joined(parts) : payload(text, exchange.framing)));
  return [...new Set(dir === "out" ? kinds.slice(0, 1) : kinds)].join(", ");
}
