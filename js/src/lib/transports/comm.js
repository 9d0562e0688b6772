// The widget's own comm: it exists wherever a widget does, and passes through the kernel.

import { Channel } from "../channel.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Transport } from "../transport.js" */

/**
 * @param {AnyModel} model as given to `initialize`, so that it hears messages once, however many views there are
 * @returns {Transport}
 */
export function commTransport(model) {
  let channel = open();
  model.on("msg:custom", (message) => channel.receive(message));
  return {
    attach(stream, after, reader, signal) {
      reader.opened();
      return channel.attach(stream, after, reader, signal);
    },
    async stop(stream) {
      channel.stop(stream);
    },
  };

  /** A comm that cannot send now (its kernel restarts) may do so later. */
  function open() {
    const made = new Channel({ send: (message) => model.send(message) });
    made.closed.then(() => (channel = open()));
    return made;
  }
}
