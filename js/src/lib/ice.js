// The STUN and TURN servers the Jupyter server wants its peers to use. Asked for with each peer, and kept nowhere: they may hold a credential.

import { call } from "./server.js";

/** @import { Server } from "./server.js" */

/**
 * @param {Server} server
 * @param {AbortSignal} [signal]
 * @returns {Promise<RTCIceServer[]>} none from a server that does not know the question
 */
export async function iceServers(server, signal) {
  const response = await call(server, "tokenwidgets/rtc", { signal });
  const body = response.ok ? await response.json() : {};
  return Array.isArray(body.iceServers) ? body.iceServers : [];
}
