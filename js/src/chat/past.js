// A message that was said before this page looked, as if its stream had been read: it is drawn by the same means.

import { initialState, reduce } from "../lib/state.js";

/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { StreamState } from "../lib/state.js" */
/** @import { Message } from "./tree.js" */

/** What is drawn of an answer: a `Session`, or this. @typedef {import("../lib/session.js").Session | Past} Told */

export class Past {
  /** @type {StreamState} */
  state = initialState();
  over = true;
  failure = "";
  status = "over";
  reason = "";
  /** One line; empty where nothing is known. */
  figures;

  /** @param {Message} message of a model */
  constructor(message) {
    this.figures = message.figures ?? "";
    for (const event of eventsOf(message)) reduce(this.state, event);
  }

  get model() {
    return this.state.model;
  }

  now() {
    return 0;
  }
}

/** @param {Message} message @returns {StreamEvent[]} */
export function eventsOf({ model = "", thoughts, text, calls = [], finish_reason, error }) {
  const events = [
    { type: "start", model, host: model.split("/")[0] },
    ...(thoughts ? [{ type: "reasoning", block: 0, delta: thoughts, kind: "full" }] : []),
    ...(text ? [{ type: "text", block: 1, delta: text }] : []),
    ...calls.map((call, i) => ({ type: "tool", block: i + 2, name: call.name, delta: call.arguments, done: true })),
    error ? { type: "error", message: error } : { type: "end", reason: finish_reason ?? "stop" },
  ];
  return events.map((event, seq) => ({ seq, at: 0, ...event }));
}
