// The widget's own comm: it exists wherever a widget does, and passes through the kernel.

import { Channel } from "../channel.js";
import * as messages from "../messages.js";
import { tapped } from "../wiretap.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Message } from "../messages.js" */
/** @import { Transport } from "../transport.js" */

const AGAIN_MS = [250, 500, 1000, 2000, 4000];

/**
 * @param {AnyModel} model as given to `initialize`, so that it hears messages once, however many views there are
 * @returns {Transport}
 */
export function commTransport(model) {
  let channel = open();
  let heard = 0;
  let asked = false;
  /** What the kernel sent without being asked, which not every front end lets it hear. @type {Message[]} */
  const early = [];
  model.on("msg:custom", (message) => {
    heard += 1;
    tapped("comm", "in", message?.stream, message);
    if (asked) channel.receive(message);
    else early.push(message);
  });
  return {
    attach(stream, after, reader, signal) {
      reader.opened();
      const attached = channel.attach(stream, after, reader, signal);
      asked = true;
      for (const message of early.splice(0)) channel.receive(message);
      const before = heard;
      insist(model, messages.attach(stream, after), () => heard > before || signal.aborted);
      return attached;
    },
    async input(stream, given) {
      channel.input(stream, given);
    },

    async stop(stream) {
      channel.stop(stream);
    },
  };

  /** A comm that cannot send now (its kernel restarts) may do so later. */
  function open() {
    const made = new Channel({
      send: (message) => {
        tapped("comm", "out", message.stream, message);
        model.send(message);
      },
    });
    made.closed.then(() => (channel = open()));
    return made;
  }
}

/**
 * Say something that was just said some more times. JupyterLab gives widgets a subshell of their own shortly after their comm: what was
 * sent before that waits until the running cell ends, what is sent after it is heard at once.
 * @param {AnyModel} model
 * @param {object} message one that may be heard twice
 * @param {() => boolean} enough
 * @param {number[]} pauses
 */
export function insist(model, message, enough, pauses = AGAIN_MS) {
  const [first, ...later] = pauses;
  let pause = first;
  setTimeout(function again() {
    if (enough()) return;
    try {
      model.send(message);
    } catch {
      return; // no kernel any more
    }
    pause = later.shift() ?? 0;
    if (pause) setTimeout(again, pause);
  }, pause);
}
