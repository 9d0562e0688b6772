// The other end of a peer connection: our server, or the provider itself.

import { iceServers } from "../lib/ice.js";
import { call, findServer } from "../lib/server.js";
import { OPEN_MS } from "../lib/transport.js";

/** @import { Input } from "../lib/messages.js" */

/**
 * @typedef {object} Far
 * @property {string} name
 * @property {number} within how long the way there may take to open, ms
 * @property {string} [channel] label of a data channel that it wants beside the sound
 * @property {(signal: AbortSignal) => Promise<RTCIceServer[]>} [iceServers] that it wants its peers to use
 * @property {(sdp: string, signal: AbortSignal) => Promise<string>} answer what it answers to an offer
 * @property {(signal: AbortSignal) => Promise<void>} [ready] resolves when sound may go there
 */

const CALL_MS = 10_000; // two requests to the provider, and a connection of the server's to it

/** Whose session it is. @param {string} stream @returns {Far} */
export const ourServer = (stream) => ({
  name: "the server",
  within: OPEN_MS,
  iceServers: (signal) => iceServers(reached(), signal),
  answer: async (sdp, signal) => (await posted("tokenwidgets/rtc", { sdp, type: "offer", stream }, signal)).sdp,
});

/** A host that speaks OpenAI's realtime protocol: sound goes between it and the page; what else happens, the session hears from it. */
export class Provider {
  name = "the provider";
  within = CALL_MS;
  channel = "oai-events";
  #stream;
  #give;
  #call = "";
  #joined = () => {};
  /** @type {(why: Error) => void} */
  #missed = () => {};

  /** @param {string} stream @param {(input: Input) => Promise<void>} give gives the session an input */
  constructor(stream, give) {
    this.#stream = stream;
    this.#give = give;
  }

  /** With a secret that the server had made for this session: its own key is not for pages. @param {string} sdp @param {AbortSignal} signal */
  async answer(sdp, signal) {
    const { url, value } = await posted(`tokenwidgets/streams/${this.#stream}/call`, {}, signal);
    const headers = { Authorization: `Bearer ${value}`, "Content-Type": "application/sdp" };
    const response = await fetch(url, { method: "POST", headers, body: sdp, signal, credentials: "omit", cache: "no-store" }).catch((error) => {
      throw error instanceof TypeError ? new Error("the provider cannot be reached from this page") : error;
    });
    if (!response.ok) throw new Error(`the provider answered ${response.status} to the offer`);
    this.#call = response.headers.get("Location")?.split("/").at(-1) ?? "";
    if (!this.#call) throw new Error("the provider did not name the call");
    return response.text();
  }

  /** @param {AbortSignal} signal @returns {Promise<void>} */
  ready(signal) {
    return new Promise((resolve, reject) => {
      this.#joined = resolve;
      this.#missed = reject;
      signal.addEventListener("abort", () => reject(signal.reason));
      this.#give({ type: "join", call: this.#call }).catch(reject);
    });
  }

  /** What the session is now; whether it is still in the call. @param {{call?: string, renewed?: string}} session */
  told({ call, renewed }) {
    if (call && call === this.#call) this.#joined();
    const left = this.#call !== "" && !call && renewed !== undefined;
    if (left) this.#missed(new Error(renewed));
    return !left;
  }

  /** The user speaks in the session itself again. */
  leave() {
    if (this.#call) this.#give({ type: "join" }).catch(() => {}); // it has ended
    this.#call = "";
  }
}

/** @param {string} path @param {object} body @param {AbortSignal} signal */
async function posted(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  const response = await call(reached(), path, { method: "POST", headers, body: JSON.stringify(body), signal });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message || `the server answered ${response.status} to the offer`);
  return answer;
}

function reached() {
  const server = findServer();
  if (!server) throw new Error("no Jupyter server can be reached from this page");
  return server;
}
