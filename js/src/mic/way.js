// The way of sound: samples beside the events, or the tracks of a peer connection, to the server or to the provider itself; and what is
// heard of an answer.

import { reasonOf } from "../lib/transport.js";
import { Provider, ourServer } from "./far.js";
import { RtcPath, UNCERTAINTY_US } from "./rtc.js";
import { Speaker, samplesOf } from "./speaker.js";

/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { Audio, Capture } from "./capture.js" */
/** @import { Heard } from "./speaker.js" */
/** @import { Session } from "../lib/session.js" */
/** @import { Spoken } from "./spoken.js" */

/** Which of them it is, and why so. @typedef {{name: "worklet" | "webrtc" | "provider", why: string}} Path */

const RATE = 24_000; // of an answer, unless its pieces say otherwise
const APART_MS = 2000; // the session hears of an answer's sound within this of the page, or it was another's

const TITLES = { webrtc: "WebRTC", provider: "the provider's own WebRTC" };

export class Way {
  /** @type {Path} */
  path = { name: "worklet", why: "chosen automatically" };
  #speaker;
  /** @type {RtcPath | null} */
  #rtc = null;
  /** The same while it opens: it holds the microphone already. @type {RtcPath | null} */
  #opening = null;
  /** @type {Provider | null} */
  #provider = null;
  /** Of the provider's track: the block that it is to bring, and when it was heard. @type {{block: number | null, at: number}} */
  #sound = { block: null, at: NaN };
  /** How often it was opened or closed: an older opening gives up. */
  #attempt = 0;
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
   * @param {"auto" | "worklet" | "webrtc" | "provider"} wanted
   * @param {Session} session
   * @param {Capture | null} capture
   */
  async open(wanted, session, capture) {
    this.path = { name: "worklet", why: wanted === "worklet" ? "as asked" : "chosen automatically" };
    if ((wanted !== "webrtc" && wanted !== "provider") || !capture?.stream) return;
    const provider = wanted === "provider" ? new Provider(session.stream, (input) => session.give(input)) : null;
    this.#provider = provider;
    const attempt = ++this.#attempt;
    try {
      const began = () => (provider ? this.#sounds({ at: performance.now() }) : this.#began(null, performance.now() * 1000, UNCERTAINTY_US));
      const far = provider ?? ourServer(session.stream);
      const rtc = (this.#opening = new RtcPath(capture.stream, { volume: this.volume, began, changed: this.#changed }));
      await rtc.open(far);
      if (attempt !== this.#attempt) return;
      this.#opening = null;
      this.#rtc = rtc;
      this.path = { name: wanted, why: "as asked" };
      rtc.closed.then(() => this.#rtc === rtc && this.#leave("the peer connection was lost"));
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#opening = null;
      this.#fallBack(wanted, reasonOf(error));
    }
    this.#changed();
  }

  /** Of the session. @param {StreamEvent} event */
  take(event) {
    if (event.type === "audio" && event.role !== "user") this.#play(event);
    const left = event.type === "notice" && event.kind === "session" && this.#provider?.told(event.data) === false;
    if (left && this.#rtc) this.#leave(event.data.renewed);
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.#rtc?.setMuted(muted);
  }

  /** Another source. @param {Capture | null} capture */
  async replace(capture) {
    if (capture?.stream) await (this.#rtc ?? this.#opening)?.replace(capture.stream);
  }

  /** An answer's sound; a track brings its own. @param {StreamEvent} event */
  #play({ block, delta, track, rate = RATE }) {
    if (track && this.#provider) this.#sounds({ block });
    if (!delta && !track) return;
    if (this.#rtc) this.#rtc.expect();
    else if (delta) this.#speaker.play(block, samplesOf(delta), rate);
  }

  /** Cut the answer off, also where the server gave all of it long ago. @param {Spoken | undefined} spoken @returns {Heard | null} how much was heard */
  cut(spoken) {
    return this.#rtc ? this.#rtc.heard(spoken) : this.#speaker.stop();
  }

  /** The provider's track is heard, or the session knows what it brings: told when both are so, whichever is first. @param {{block?: number, at?: number}} news */
  #sounds(news) {
    const { block, at } = Object.assign(this.#sound, news);
    if (block === null || !(performance.now() - at < APART_MS)) return;
    this.#sound = { block: null, at: NaN };
    this.#began(block, at * 1000, UNCERTAINTY_US);
  }

  close() {
    this.#attempt += 1;
    const rtc = this.#rtc ?? this.#opening;
    this.#rtc = this.#opening = this.#provider = null;
    rtc?.close();
    this.#speaker.close();
  }

  /** The way is no more: samples take its place. @param {string} why */
  #leave(why) {
    const rtc = this.#rtc;
    this.#rtc = null;
    rtc?.close();
    if (this.path.name !== "worklet") this.#fallBack(this.path.name, why);
    this.#changed();
  }

  /** @param {"webrtc" | "provider"} from @param {string} why */
  #fallBack(from, why) {
    this.#provider?.leave();
    this.#provider = null;
    this.path = { name: "worklet", why: `in place of ${TITLES[from]}: ${why.replace(/\.$/, "")}` };
  }
}
