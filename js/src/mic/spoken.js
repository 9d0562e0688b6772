// What was said in a voice session, turn by turn, and how long each step of an answer took. As `tokenwidgets/realtime/spoken.py` has it.

/** @import { StreamEvent } from "../lib/messages.js" */

/** Instants that end a stage of the wait for an answer, in their order, and what the stage is called. @type {Record<string, string>} */
export const STAGES = {
  endpoint: "noticing the end",
  words: "words",
  first_token: "first token",
  first_sound: "first sound",
  played: "to the loudspeaker",
};
const INSTANTS = ["speech_end", ...Object.keys(STAGES)];

/** The usual gap between two people's turns, µs (Stivers and others 2009). */
export const HUMAN_GAP_US = 200_000;

const MICROPHONE = 0; // the block of what is said in writing

/** @typedef {{name: string, begin: number, end: number}} Stage µs of the session's clock */
/**
 * @typedef {object} Turn
 * @property {string} heard the user's words
 * @property {string} said the answer's
 * @property {string} status empty as long as it is being given
 * @property {string} message why it failed
 * @property {Record<string, number>} instants
 * @property {number | null} block of the answer's sound
 * @property {string[]} calls names of the tools it called
 * @property {boolean} interrupted whether speech, or a press, cut its answer off
 */

/** Deals events to the turns they belong to. A turn begins where the user speaks or writes, or an answer begins unasked. */
export class Spoken {
  /** @type {Turn[]} */
  turns = [];
  /** Whether the user is speaking, as the provider's detector sees it. */
  hearing = false;
  /** @type {Map<number, Turn>} */
  #users = new Map();
  /** Names of the calls, by their blocks. @type {Map<number, string>} */
  #calls = new Map();

  /** @param {StreamEvent} event */
  take(event) {
    TAKE[event.type]?.(this, event);
  }

  /** The turn that is being answered, or waits for it. */
  get open() {
    const last = this.turns.at(-1);
    return last && !last.status ? last : null;
  }

  /** @returns {Turn} */
  ask() {
    const turn = { heard: "", said: "", status: "", message: "", instants: {}, block: null, calls: [], interrupted: false };
    this.turns.push(turn);
    return turn;
  }

  /** The answer that was given last is cut off, be it that all of it was there already. */
  interrupt() {
    const cut = this.turns.findLast(({ said, block }) => said || block !== null);
    if (cut) cut.interrupted = true;
  }

  /** @param {StreamEvent} event */
  heard({ block, delta = "", final, at }) {
    let turn = this.#users.get(block);
    if (!turn) {
      const taken = new Set(this.#users.values());
      const waiting = this.turns.find((each) => isSpoken(each) && !taken.has(each));
      turn = block === MICROPHONE || !waiting ? this.ask() : waiting;
      if (block !== MICROPHONE) this.#users.set(block, turn);
    }
    turn.heard += delta;
    if (final && isSpoken(turn)) turn.instants.words = at;
  }

  /** @param {StreamEvent} event */
  answer({ type, block, name = "", delta, done, track, at }) {
    const turn = this.open ?? this.ask();
    if (type === "tool") {
      if (!this.#calls.has(block)) this.#calls.set(block, name);
      if (done) turn.calls.push(this.#calls.get(block) ?? "");
    } else if (type === "audio") {
      if (!delta && !track) return;
      turn.instants.first_sound ??= at;
      turn.block ??= block;
      return;
    } else turn.said += delta ?? "";
    if (delta) turn.instants.first_token ??= at;
  }
}

/** @type {Record<string, (spoken: Spoken, event: StreamEvent) => void>} */
const TAKE = {
  speech(spoken, { state, since, at }) {
    if (state === "interrupted") return spoken.interrupt();
    spoken.hearing = state === "started";
    if (state === "stopped") Object.assign(spoken.ask().instants, { endpoint: at, speech_end: since ?? at });
  },
  transcript: (spoken, event) => (event.role === "user" ? spoken.heard(event) : spoken.answer(event)),
  text: (spoken, event) => spoken.answer(event),
  tool: (spoken, event) => spoken.answer(event),
  audio(spoken, event) {
    if (event.role !== "user") spoken.answer(event);
  },
  notice(spoken, { kind, data }) {
    if (kind === "turn") {
      const turn = spoken.turns.findLast(({ status }) => !status);
      if (turn) Object.assign(turn, { status: data?.status ?? "completed", message: data?.message ?? "" });
    } else if (kind === "played") {
      for (const turn of spoken.turns) if (turn.block === data.block) turn.instants.played ??= data.at;
    }
  },
};

/** @param {Turn} turn */
const isSpoken = ({ instants }) => "endpoint" in instants;

/** The parts of the wait, end to end; an instant that lies behind a later one makes none. @param {Turn} turn @returns {Stage[]} */
export function stages({ instants }) {
  /** @type {[string, number][]} */
  const kept = [];
  for (const name of INSTANTS) {
    const at = instants[name];
    if (at === undefined) continue;
    while (kept.length && kept[kept.length - 1][1] > at) kept.pop();
    kept.push([name, at]);
  }
  return kept.slice(1).map(([name, end], i) => ({ name, begin: kept[i][1], end }));
}

/** From the end of speech to the first sound, as far as it was followed, µs; null while there is none, or nobody spoke. @param {Turn} turn */
export function latency({ instants: { speech_end, first_sound, played = first_sound } }) {
  return speech_end === undefined || played === undefined ? null : played - speech_end;
}
