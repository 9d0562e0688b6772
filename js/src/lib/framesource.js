// Where the frames between us and the provider are to be had: from the server that holds the stream, else from the kernel.

import { call, findServer } from "./server.js";
import { decoded } from "./wire.js";

/** @import { Ask } from "./ask.js" */
/** @import { Session } from "./session.js" */
/** @import { RawFrame, Travelled } from "./wire.js" */

/** @typedef {{travelled: Travelled[], dropped: number}} Wire `dropped` counts frames beyond the server's limit */

/**
 * @param {Session} session
 * @param {Ask} ask
 * @returns {Promise<Wire>} rejects with the reason in words
 */
export async function wireOf(session, ask) {
  const { stream } = session;
  const { frames, dropped = 0 } = (await fromServer(stream)) ?? { frames: await fromKernel(stream, ask) };
  return { travelled: decoded(frames), dropped };
}

/** A server that does not hold the stream has none. @param {string} stream @returns {Promise<{frames: RawFrame[], dropped?: number} | null>} */
async function fromServer(stream) {
  const server = findServer();
  const answer = server && (await call(server, `tokenwidgets/streams/${encodeURIComponent(stream)}/wire`).catch(() => null));
  return answer?.ok ? answer.json() : null;
}

/** Part by part, as a message takes only so much. @param {string} stream @param {Ask} ask @returns {Promise<RawFrame[]>} */
async function fromKernel(stream, ask) {
  /** @type {RawFrame[]} */
  const frames = [];
  for (let more = true; more; ) {
    const part = await ask("wire", { stream, from: frames.length });
    frames.push(...part.frames);
    more = part.frames.length > 0 && frames.length < part.of;
  }
  return frames;
}
