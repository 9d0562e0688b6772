// Questions to the kernel over a widget's comm. `experimental.invoke` of anywidget does not bring errors back, and not every host has it.

import { Refused, refusedBy } from "./transport.js";

/** @import { AnyModel } from "@anywidget/types" */

/** @typedef {(op: string, fields?: object) => Promise<any>} Ask */

/** A kernel that is busy answers when its cell has ended, where widgets have no subshell. */
const ANSWER_MS = 60_000;

/**
 * @param {AnyModel<any>} model
 * @returns {Ask} resolves with the answer's fields; rejects with `Refused` when the kernel says no, or nothing
 */
export function asker(model) {
  /** @type {Map<string, {resolve: (answer: any) => void, reject: (error: Error) => void}>} */
  const open = new Map();
  let asked = 0;
  model.on("msg:custom", (message) => {
    const waiting = open.get(message?.answer);
    if (!waiting) return;
    open.delete(message.answer);
    if (message.error) waiting.reject(refusedBy(message.error));
    else waiting.resolve(message);
  });
  return (op, fields = {}) =>
    new Promise((resolve, reject) => {
      const ref = `${op} ${asked++}`;
      open.set(ref, { resolve, reject });
      setTimeout(() => {
        if (open.delete(ref)) reject(new Refused("timeout", "the kernel does not answer"));
      }, ANSWER_MS);
      model.send({ op, ...fields, ask: ref });
    });
}
