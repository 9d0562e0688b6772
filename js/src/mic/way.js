// The way of sound between page and server: samples beside the events, or the tracks of a peer connection; and what is heard of an answer.

import { reasonOf } from "../lib/transport.js";
import { RtcPath, UNCERTAINTY_US } from "./rtc.js";
import { Speaker, samplesOf } from "./speaker.js";

/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { Audio, Capture } from "./capture.js" */
/** @import { Heard } from "./speaker.js" */
/** @import { Spoken } from "./spoken.js" */

/** Which of them it is, and why so. @typedef {{name: "worklet" | "webrtc", why: string}} Path */

const RATE = 24_000; // of an answer, unless its pieces say otherwise

export class Way {
  /** @type {Path} */
  path = { name: "worklet", why: "chosen automatically" };
  #speaker;
  /** @type {RtcPath | null} */
  #rtc = null;
  #began;
  #changed;

  /**
   * @param {Audio} audio
   * @param {(block: number | null, at: number, more: number) => void} began told when an answer's first sample left the loudspeaker: its
   *   block where that is known, µs of the page's clock, and by how much that may be wrong
   * @param {() => void} changed
   */
  constructor(audio, began, changed) {
    this.#began = began;
    this.#changed = changed;
    this.#speaker = new Speaker({
      open: (sampleRate) => new audio.AudioContext({ sampleRate, latencyHint: "interactive" }),
      began: (block, at) => began(block, at, 0),
      changed,
    });
  }

  /** To be called within the user's click, or a browser may refuse to play. */
  ready() {
    return this.#speaker.ready(RATE);
  }

  /** Whether the microphone's sound goes as a track, and not as inputs. */
  get carries() {
    return this.#rtc !== null;
  }

  /** Whether an answer is heard just now. */
  get sounding() {
    return this.#speaker.sounding || (this.#rtc?.sounding ?? false);
  }

  get volume() {
    return this.#speaker.volume;
  }

  set volume(volume) {
    this.#speaker.volume = volume;
    this.#rtc?.setVolume(volume);
  }

  /**
   * Tracks where they are asked for and found in time, else samples, which are always ready.
   * @param {"auto" | "worklet" | "webrtc"} wanted
   * @param {string} stream
   * @param {Capture | null} capture
   * @param {() => boolean} current whether it is still wanted
   */
  async open(wanted, stream, capture, current) {
    this.path = { name: "worklet", why: wanted === "worklet" ? "as asked" : "chosen automatically" };
    if (wanted !== "webrtc" || !capture?.stream) return;
    try {
      const began = () => this.#began(null, performance.now() * 1000, UNCERTAINTY_US);
      const rtc = await RtcPath.open({ stream, track: capture.stream, volume: this.volume, began, changed: this.#changed });
      if (!current()) return rtc.close();
      this.#rtc = rtc;
      this.path = { name: "webrtc", why: "as asked" };
      rtc.closed.then(() => this.#leave(rtc));
    } catch (error) {
      this.path = { name: "worklet", why: `in place of WebRTC: ${reasonOf(error)}` };
    }
    this.#changed();
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.#rtc?.setMuted(muted);
  }

  /** Another source. @param {Capture | null} capture */
  async replace(capture) {
    if (capture?.stream) await this.#rtc?.replace(capture.stream);
  }

  /** @param {StreamEvent} event an answer's sound; a track brings its own */
  play({ block, delta, rate = RATE }) {
    if (!delta) return;
    if (this.#rtc) this.#rtc.expect();
    else this.#speaker.play(block, samplesOf(delta), rate);
  }

  /** Cut the answer off, also where the server gave all of it long ago. @param {Spoken | undefined} spoken @returns {Heard | null} how much was heard */
  cut(spoken) {
    return this.#rtc ? this.#rtc.heard(spoken) : this.#speaker.stop();
  }

  close() {
    const rtc = this.#rtc;
    this.#rtc = null;
    rtc?.close();
    this.#speaker.close();
  }

  /** @param {RtcPath} rtc */
  #leave(rtc) {
    if (this.#rtc !== rtc) return;
    this.#rtc = null;
    this.path = { name: "worklet", why: "in place of WebRTC: the peer connection was lost" };
    this.#changed();
  }
}
