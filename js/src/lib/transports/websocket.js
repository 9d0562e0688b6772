// One WebSocket a page for the streams of all its widgets.

import { Channel } from "../channel.js";
import { lease } from "../hub.js";
import { socketUrl } from "../server.js";
import { OPEN_MS, abortable } from "../transport.js";
import { tapped } from "../wiretap.js";

/** @import { Server } from "../server.js" */
/** @import { Transport } from "../transport.js" */

const LIVENESS = { every: 5000, dead: 15_000 };

/**
 * @param {Server} server
 * @returns {Transport}
 */
export function webSocketTransport(server) {
  return sharedTransport("ws", () => openSocket(server));
}

/**
 * A transport over a channel that the whole page shares.
 * @param {string} kind
 * @param {() => Promise<Channel>} open
 * @returns {Transport}
 */
export function sharedTransport(kind, open) {
  return {
    async attach(stream, after, reader, signal) {
      const { value, release } = lease(kind, open);
      try {
        const channel = await abortable(value, signal);
        reader.opened();
        await channel.attach(stream, after, reader, signal);
      } finally {
        release();
      }
    },

    async open() {
      const { value, release } = lease(kind, open);
      await value.finally(release).then(() => {});
    },

    async clock(stream) {
      const { value, release } = lease(kind, open);
      try {
        return await (await value).clock(stream);
      } finally {
        release();
      }
    },

    async input(stream, given) {
      const { value, release } = lease(kind, open);
      try {
        (await value).input(stream, given);
      } finally {
        release();
      }
    },

    async stop(stream) {
      const { value, release } = lease(kind, open);
      try {
        (await value).stop(stream);
      } finally {
        release();
      }
    },
  };
}

/**
 * @param {Server} server
 * @returns {Promise<Channel>}
 */
function openSocket(server) {
  const socket = new WebSocket(socketUrl(server, "tokenwidgets/socket"));
  const channel = new Channel({
    send: (message) => {
      const text = JSON.stringify(message);
      tapped("ws", "out", message.stream, text);
      socket.send(text);
    },
    close: () => socket.close(),
    liveness: LIVENESS,
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => give(`the socket did not open within ${OPEN_MS / 1000} s`), OPEN_MS);
    socket.onopen = () => {
      clearTimeout(timer);
      resolve(channel);
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      tapped("ws", "in", message.stream, data);
      channel.receive(message);
    };
    socket.onclose = ({ code }) => give(`the socket was closed (${code})`);

    /** @param {string} reason */
    function give(reason) {
      clearTimeout(timer);
      channel.fail(reason);
      reject(new Error(reason));
      socket.close();
    }
  });
}
