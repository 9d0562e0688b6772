// Questions to the kernel over a widget's comm. `experimental.invoke` of anywidget does not bring errors back, and not every host has it.

import { Refused, refusedBy } from "./transport.js";
import { insist } from "./transports/comm.js";

/** @import { AnyModel } from "@anywidget/types" */

/** @typedef {(op: string, fields?: object, ms?: number) => Promise<any>} Ask waits for an answer as long as `ms` says */

/** A kernel that is busy answers when its cell has ended, where widgets have no subshell. */
const ANSWER_MS = 60_000;

/** What was asked, or answered, may have been lost. */
const AGAIN_MS = [2000, 4000, 8000, 16_000];

/**
 * @param {AnyModel<any>} model
 * @returns {Ask} resolves with the answer's fields; rejects with `Refused` when the kernel says no, or nothing
 */
export function asker(model) {
  /** @type {Map<string, {resolve: (answer: any) => void, reject: (error: Error) => void, timer: any}>} */
  const open = new Map();
  const refs = references();
  model.on("msg:custom", (message) => {
    const waiting = open.get(message?.answer);
    if (!waiting) return;
    open.delete(message.answer);
    clearTimeout(waiting.timer);
    if (message.error) waiting.reject(refusedBy(message.error));
    else waiting.resolve(message);
  });
  return (op, fields = {}, ms = ANSWER_MS) =>
    new Promise((resolve, reject) => {
      const ref = `${op} ${refs()}`;
      const timer = setTimeout(() => {
        if (open.delete(ref)) reject(new Refused("timeout", "the kernel does not answer"));
      }, ms);
      open.set(ref, { resolve, reject, timer });
      const question = { op, ...fields, ask: ref };
      model.send(question);
      insist(model, question, () => !open.has(ref), AGAIN_MS);
    });
}

/** Names for questions, that no other page of the same model gives: a kernel answers each once. */
export function references() {
  const page = Math.random().toString(36).slice(2);
  let given = 0;
  return () => `${page} ${given++}`;
}
