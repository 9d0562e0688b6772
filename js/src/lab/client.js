// This page as the client on the far side of the relay: real peers of its own, whose offers the kernel has answered. It tells what they
// showed, and when by the kernel's clock, which it learns from each telling's round trip.

import { StreamClock, TRIPS } from "../lib/clock.js";
import { Follower } from "../lib/follow.js";
import { Refused, abortable } from "../lib/transport.js";
import { openPeer } from "../lib/transports/webrtc.js";

/** @import { Ask } from "../lib/ask.js" */
/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { Transport, WebRTCName } from "../lib/transport.js" */
/** @typedef {typeof openPeer} Open */

/**
 * What the lanes did since it was last told; instants are µs of this page's clock.
 * @typedef {{attached: string[], shown: [string, number, number][], ended: [string, number, string][]}} News
 */

const TELL_MS = 100;
const OPEN_MS = 8000; // over a link whose round trip may take a second

/**
 * Read a run's lanes to their ends, or until the kernel does not want it any more.
 * @param {Ask} ask
 * @param {AbortSignal} signal
 * @param {Open} [open]
 */
export async function beClient(ask, signal, open = openPeer) {
  const left = new AbortController();
  try {
    const { stream, lanes } = await ask("join");
    const client = new Client(ask, stream, lanes, AbortSignal.any([signal, left.signal]), open);
    await client.read();
  } catch (error) {
    if (!(error instanceof Refused)) throw error; // the run is over, or another page was first
  } finally {
    left.abort(new Error("the run is over"));
  }
}

class Client {
  #ask;
  #stream;
  #lanes;
  #signal;
  #open;
  #clock = new StreamClock();
  #news = nothing();

  /** @param {Ask} ask @param {string} stream @param {WebRTCName[]} lanes @param {AbortSignal} signal @param {Open} open */
  constructor(ask, stream, lanes, signal, open) {
    this.#ask = ask;
    this.#stream = stream;
    this.#lanes = lanes;
    this.#signal = signal;
    this.#open = open;
  }

  async read() {
    for (let trip = 0; trip < TRIPS; trip++) await this.#tell();
    let over = false;
    const reading = Promise.all(this.#lanes.map((lane) => this.#follow(lane))).then(() => (over = true));
    for (let last = false; !last && !this.#signal.aborted; ) {
      await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, TELL_MS))]);
      last = over; // as of before it is told: a lane may end meanwhile
      await this.#tell();
    }
  }

  async #tell() {
    const { attached, shown, ended } = this.#news;
    this.#news = nothing();
    const at = (/** @type {number} */ us) => Math.round(us - this.#clock.zero);
    const asked = now();
    const { at: told } = await this.#ask("came", {
      stream: this.#stream,
      attached,
      shown: shown.map(([lane, seq, us]) => [lane, seq, at(us)]),
      ended: ended.map(([lane, us, why]) => [lane, at(us), why]),
      within: Number.isFinite(this.#clock.uncertainty) ? Math.ceil(this.#clock.uncertainty) : null,
    });
    this.#clock.take({ asked, at: told, answered: now() });
  }

  /** Follow one lane; resolves when it has ended. @param {WebRTCName} lane @returns {Promise<void>} */
  async #follow(lane) {
    const follower = new Follower({
      stream: this.#stream,
      transport: this.#transport(lane),
      onEvents: (events) => this.#came(lane, events),
      onStatus: (status, reason) => {
        const never = status === "reattaching" && follower.last < 0;
        if (status === "ended" || status === "refused" || never) this.#news.ended.push([lane, now(), reason]);
        if (never) follower.leave();
      },
    });
    this.#signal.addEventListener("abort", () => follower.leave(), { once: true });
    await follower.start();
  }

  /** @param {WebRTCName} lane @param {StreamEvent[]} events */
  #came(lane, events) {
    const at = now();
    if (events[0].seq === 0) this.#news.attached.push(lane);
    for (const { type, seq } of events) if (type === "text") this.#news.shown.push([lane, seq, at]);
  }

  /** A peer for each attempt, and for this lane alone. @param {WebRTCName} lane @returns {Pick<Transport, "attach">} */
  #transport(lane) {
    const signalling = {
      iceServers: async () => [],
      /** @param {RTCSessionDescriptionInit} offer @returns {Promise<RTCSessionDescriptionInit>} */
      answer: async ({ sdp }) => ({ type: "answer", sdp: (await this.#ask("offer", { stream: this.#stream, lane, sdp })).sdp }),
    };
    return {
      attach: async (stream, after, reader, signal) => {
        const opening = this.#open(signalling, lane, OPEN_MS);
        try {
          const channel = await abortable(opening, signal);
          reader.opened();
          await channel.attach(stream, after, reader, signal);
        } finally {
          opening.then((channel) => channel.close(), () => {});
        }
      },
    };
  }
}

/** @returns {News} */
const nothing = () => ({ attached: [], shown: [], ended: [] });

/** µs of this page's clock. */
const now = () => performance.now() * 1000;
