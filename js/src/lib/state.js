// What a stream's events amount to. A plain fold over them: the same events give the same state, whenever and however they come.

/** @import { StreamEvent } from "./messages.js" */

/** @typedef {"connecting" | "waiting" | "reasoning" | "answering" | "done" | "stopped" | "cut off" | "failed"} Phase */
/**
 * A run of content in its order: text is a list of chunks, only ever appended to.
 * @typedef {object} Item
 * @property {"text" | "reasoning" | "refusal" | "tool" | "transcript"} kind
 * @property {number} choice
 * @property {string[]} chunks
 * @property {string} name of a tool, or the role of a transcript
 * @property {boolean} done
 * @property {boolean} invalid
 */
/**
 * @typedef {object} Reasoning
 * @property {number} from
 * @property {number} to
 * @property {number} chunks
 * @property {number} characters
 * @property {boolean} summary
 */
/**
 * @typedef {object} StreamState
 * @property {Phase} phase
 * @property {string} host whose model it is
 * @property {string} model asked for, and `served` when the provider named the one that answers
 * @property {string} served
 * @property {boolean} simulated
 * @property {boolean} replayed
 * @property {Item[]} items
 * @property {Map<string, Item>} places items by kind, choice and block
 * @property {Reasoning | null} reasoning
 * @property {number[]} ats when each content chunk was read, µs
 * @property {number[]} sizes its characters
 * @property {boolean[]} thoughts whether it is reasoning
 * @property {number} characters of all chunks but audio, in code points
 * @property {number} lastAt of the newest event
 * @property {StreamEvent | null} usage the last one the provider counted
 * @property {boolean} behind whether content came after a count that was only cumulative
 * @property {StreamEvent[]} notices
 * @property {number} retries attempts after the first
 * @property {StreamEvent | null} retry the notice of the attempt to come, until it has begun
 * @property {StreamEvent | null} terminal
 */

/** @returns {StreamState} */
export function initialState() {
  return {
    phase: "connecting", host: "", model: "", served: "", simulated: false, replayed: false,
    items: [], places: new Map(), reasoning: null, ats: [], sizes: [], thoughts: [], characters: 0, lastAt: 0,
    usage: null, behind: false, notices: [], retries: 0, retry: null, terminal: null,
  };
}

/**
 * Take one event in. The state is changed in place, since a copy of its lists an event would cost the square of their length.
 * @param {StreamState} state
 * @param {StreamEvent} event
 * @returns {StreamState}
 */
export function reduce(state, event) {
  state.lastAt = Math.max(state.lastAt, event.at);
  TAKE[event.type]?.(state, event);
  return state;
}

/** @type {Record<string, (state: StreamState, event: StreamEvent) => void>} */
const TAKE = {
  start(state, { host = "", model, simulated = false, replayed = false }) {
    Object.assign(state, { host, model, simulated, replayed, phase: "waiting" });
  },
  text: (state, event) => content(state, event, "answering"),
  refusal: (state, event) => content(state, event, "answering"),
  reasoning(state, event) {
    content(state, event, "reasoning");
    if (!event.delta) return;
    state.reasoning ??= { from: event.at, to: event.at, chunks: 0, characters: 0, summary: event.kind === "summary" };
    state.reasoning.to = event.at;
    state.reasoning.chunks += 1;
    state.reasoning.characters += codePoints(event.delta);
  },
  tool(state, event) {
    const item = content(state, event, "answering");
    if (event.name) item.name = event.name;
    if (!event.done) return;
    item.done = true;
    item.invalid = event.invalid ?? false;
  },
  audio(state, event) {
    if (event.delta) chunk(state, event, "answering", 1); // base64 has no characters to count
  },
  transcript(state, event) {
    const item = itemOf(state, event);
    item.name = event.role;
    if (event.role !== "user") return void content(state, event, "answering");
    if (event.delta) item.chunks.push(event.delta); // the user's words: shown, not generated
  },
  usage(state, event) {
    if (event.mode === "estimated") return;
    state.usage = event;
    state.behind = false;
  },
  notice(state, event) {
    state.notices.push(event);
    state.retry = event.kind === "retry" && event.data ? event : null;
    if (state.retry) state.retries += 1;
    if (event.kind === "served" && event.data?.model) state.served = event.data.model;
  },
  end(state, event) {
    state.terminal = event;
    state.retry = null;
    state.phase = ENDS[event.reason] ?? "done";
  },
  error(state, event) {
    state.terminal = event;
    state.retry = null;
    state.phase = "failed";
  },
};

/** @type {Record<string, Phase>} */
const ENDS = { cancelled: "stopped", superseded: "stopped", truncated: "cut off" };

/**
 * @param {StreamState} state
 * @param {StreamEvent} event
 * @param {Phase} phase
 * @returns {Item}
 */
function content(state, event, phase) {
  const item = itemOf(state, event);
  if (event.delta) {
    item.chunks.push(event.delta);
    const size = codePoints(event.delta);
    state.characters += size;
    chunk(state, event, phase, size);
  }
  return item;
}

/**
 * @param {StreamState} state
 * @param {StreamEvent} event
 * @param {Phase} phase
 * @param {number} size
 */
function chunk(state, event, phase, size) {
  state.phase = phase;
  state.retry = null;
  state.behind = state.usage?.mode === "cumulative";
  state.ats.push(event.at);
  state.sizes.push(size);
  state.thoughts.push(event.type === "reasoning");
}

/**
 * @param {StreamState} state
 * @param {StreamEvent} event
 * @returns {Item}
 */
function itemOf(state, event) {
  const choice = event.choice ?? 0;
  const place = `${event.type} ${choice} ${event.block}`;
  let item = state.places.get(place);
  if (!item) {
    item = { kind: /** @type {Item["kind"]} */ (event.type), choice, chunks: [], name: "", done: false, invalid: false };
    state.places.set(place, item);
    state.items.push(item);
  }
  return item;
}

/**
 * Characters, each counted at its first UTF-16 unit, so that one a provider split over two chunks counts once.
 * @param {string} text
 */
export function codePoints(text) {
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xdc00 || unit > 0xdfff) n++;
  }
  return n;
}
