// The other paths: the microphone as a track of a peer connection of its own, and the answer as the other end's.

/** @import { Far } from "./far.js" */
/** @import { Spoken } from "./spoken.js" */

const GATHER_MS = 1000; // with only a loopback interface gathering never ends
const QUIET = 0.002; // of full scale: less is no sound
const LOOK_MS = 20;
const PAUSE_MS = 700; // of silence between two clauses
const DUE_MS = 2000; // the sound of an answer is on its way for no longer than this

export class RtcPath {
  #peer;
  #began;
  #changed;
  /** Plays the answer: the browser's echo canceller knows what an element plays. */
  #element = document.createElement("audio");
  #sender;
  #track;
  #lost = () => {};
  /** Resolves when the connection is gone. @type {Promise<void>} */
  closed = new Promise((resolve) => (this.#lost = resolve));
  /** Whether the answer is heard just now, or is on its way. */
  sounding = false;
  #hears = false;
  /** When more of an answer's sound was last known to come, ms of the page's clock. */
  #due = -Infinity;
  /** @type {any} */
  #timer;
  /** When the sound began that is heard now, ms of the page's clock. */
  #since = NaN;
  /** When it was heard last. */
  #last = -Infinity;

  /**
   * Rejects with a reason where no path is found in time.
   * @param {Far} far
   * @param {object} options
   * @param {MediaStream} options.track
   * @param {number} options.volume
   * @param {() => void} options.began told when an answer begins to be heard
   * @param {() => void} options.changed told when it is heard, or is not any more
   */
  static async open(far, { track, volume, began, changed }) {
    const path = new RtcPath(track, volume, { began, changed });
    const late = new AbortController();
    const { name, within } = far;
    const timer = setTimeout(() => late.abort(new Error(`no direct path to ${name} was found within ${within / 1000} s`)), within);
    try {
      if (far.iceServers) path.#peer.setConfiguration({ iceServers: await far.iceServers(late.signal) });
      if (far.channel) path.#peer.createDataChannel(far.channel);
      const sdp = await far.answer(await path.#offer(), late.signal);
      await path.#peer.setRemoteDescription({ type: "answer", sdp });
      await path.#connected(late.signal);
      await far.ready?.(late.signal);
      await path.#sender.replaceTrack(path.#track); // not before: until then the sound goes the other way
      return path;
    } catch (error) {
      path.close();
      throw late.signal.aborted ? late.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {MediaStream} stream @param {number} volume @param {{began: () => void, changed: () => void}} told */
  constructor(stream, volume, { began, changed }) {
    this.#began = began;
    this.#changed = changed;
    this.#peer = new RTCPeerConnection(); // without servers, unless the other end wants some
    const [track] = stream.getAudioTracks();
    this.#track = track.clone(); // muting it leaves the level meter alone
    this.#sender = this.#peer.addTransceiver("audio", { direction: "sendrecv" }).sender;
    this.#element.autoplay = true;
    this.#element.volume = volume;
    this.#peer.ontrack = ({ track, streams: [remote], receiver }) => {
      this.#element.srcObject = remote ?? new MediaStream([track]);
      this.#element.play().catch(() => {});
      this.#timer = setInterval(() => this.#listen(receiver), LOOK_MS);
    };
    this.#peer.onconnectionstatechange = () => {
      if (this.#peer.connectionState === "failed") this.close();
    };
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.#track.enabled = !muted;
  }

  /** @param {number} volume */
  setVolume(volume) {
    this.#element.volume = volume;
  }

  /** Another microphone. @param {MediaStream} stream */
  async replace(stream) {
    const { enabled } = this.#track;
    this.#track.stop();
    this.#track = stream.getAudioTracks()[0].clone();
    this.#track.enabled = enabled;
    await this.#sender.replaceTrack(this.#track);
  }

  /** The server has sound of an answer, and its track will bring it: the server gives it to the track no faster than it sounds. */
  expect() {
    this.#due = performance.now();
  }

  /** How much of the answer was heard, as far as the page can tell. @param {Spoken | undefined} spoken */
  heard(spoken) {
    const block = spoken?.turns.findLast((turn) => turn.block !== null)?.block ?? null;
    if (!this.#hears || block === null) return null;
    return { block, played_ms: Math.round(performance.now() - this.#since) };
  }

  close() {
    clearInterval(this.#timer);
    this.#track.stop();
    this.#element.srcObject = null;
    this.#peer.close();
    this.sounding = false;
    this.#lost();
  }

  async #offer() {
    await this.#peer.setLocalDescription();
    await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      const look = () => {
        if (this.#peer.iceGatheringState !== "complete") return;
        clearTimeout(timer);
        resolve();
      };
      this.#peer.onicegatheringstatechange = look;
      look();
    });
    return /** @type {RTCSessionDescription} */ (this.#peer.localDescription).sdp;
  }

  /** @param {AbortSignal} signal @returns {Promise<void>} */
  #connected(signal) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.#peer.connectionState === "connected") resolve();
        if (this.#peer.connectionState === "failed") reject(new Error("the peer connection failed"));
      };
      this.#peer.addEventListener("connectionstatechange", look);
      signal.addEventListener("abort", () => reject(signal.reason));
      look();
    });
  }

  /** @param {RTCRtpReceiver} receiver */
  #listen(receiver) {
    const now = performance.now();
    if (receiver.getSynchronizationSources().some(({ audioLevel = 0 }) => audioLevel > QUIET)) this.#last = now;
    const hears = now - this.#last < PAUSE_MS;
    if (hears && !this.#hears) {
      this.#since = now;
      this.#began();
    }
    this.#hears = hears;
    const sounding = hears || (this.#last < this.#due && now - this.#due < DUE_MS);
    if (sounding === this.sounding) return;
    this.sounding = sounding;
    this.#changed();
  }
}

/** By how much the instant of a sound may be wrong here, µs. */
export const UNCERTAINTY_US = LOOK_MS * 1000;
