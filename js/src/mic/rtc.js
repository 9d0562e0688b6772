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
  /** Aborted where no path is found in time, and when it is closed. */
  #over = new AbortController();
  /** Whether the microphone's track is sent. */
  #sends = false;

  /**
   * Takes the microphone at once: what is not opened any more is to be closed.
   * @param {MediaStream} stream
   * @param {object} options
   * @param {number} options.volume
   * @param {() => void} options.began told when an answer begins to be heard
   * @param {() => void} options.changed told when it is heard, or is not any more
   */
  constructor(stream, { volume, began, changed }) {
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
      if (this.#peer.connectionState === "failed") this.close("the peer connection failed");
    };
  }

  /** Rejects with a reason where no path is found in time, or it is closed meanwhile. @param {Far} far */
  async open(far) {
    const { signal } = this.#over;
    const { name, within } = far;
    const timer = setTimeout(() => this.close(`no direct path to ${name} was found within ${within / 1000} s`), within);
    const over = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    try {
      await Promise.race([this.#connect(far, signal), over]); // a peer that is closed does not settle what it was asked
    } catch (error) {
      const reason = signal.aborted ? signal.reason : error;
      this.close();
      throw reason;
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {Far} far @param {AbortSignal} signal */
  async #connect(far, signal) {
    if (far.iceServers) this.#peer.setConfiguration({ iceServers: await far.iceServers(signal) });
    if (far.channel) this.#peer.createDataChannel(far.channel);
    const sdp = await far.answer(await this.#offer(), signal);
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
    await this.#connected();
    await far.ready?.(signal);
    this.#sends = true; // not before: until then the sound goes the other way
    await this.#sender.replaceTrack(this.#track);
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
    if (this.#sends) await this.#sender.replaceTrack(this.#track);
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

  close(why = "it was closed") {
    this.#over.abort(new Error(why));
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

  /** @returns {Promise<void>} */
  #connected() {
    return new Promise((resolve) => {
      const look = () => {
        if (this.#peer.connectionState === "connected") resolve();
      };
      this.#peer.addEventListener("connectionstatechange", look);
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
