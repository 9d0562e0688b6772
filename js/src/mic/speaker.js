// Plays an answer's sound as it comes, piece behind piece without a gap; knows at any instant how much of it was heard.

/** @typedef {{block: number, at: number, seconds: number, node: AudioBufferSourceNode}} Piece `at` and `seconds` are of the context's clock */
/** @typedef {{block: number, played_ms: number}} Heard how much of which sound */
/**
 * @typedef {object} Timers
 * @property {() => number} now ms of the page's clock
 * @property {(f: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 */

/** The first piece waits so long for those behind it, which come when they come. */
const LEAD_S = 0.02;

/** @type {Timers} */
const pageTimers = { now: () => performance.now(), setTimeout: (f, ms) => setTimeout(f, ms), clearTimeout: (timer) => clearTimeout(timer) };

export class Speaker {
  #open;
  #began;
  #changed;
  #timers;
  /** @type {{context: AudioContext, gain: GainNode} | null} */
  #out = null;
  /** @type {Piece[]} */
  #pieces = [];
  /** When what is queued ends. */
  #end = 0;
  /** Blocks of which the first sample is on its way, or out. @type {Set<number>} */
  #begun = new Set();
  /** Blocks that were cut off: what still comes of them is not played. @type {Set<number>} */
  #cut = new Set();
  /** @type {Set<any>} */
  #waiting = new Set();
  #volume = 1;

  /**
   * @param {object} options
   * @param {(rate: number) => AudioContext} options.open
   * @param {(block: number, at: number) => void} options.began told when a block's first sample left the speaker, µs of the page's clock
   * @param {() => void} options.changed told when it falls silent
   * @param {Timers} [options.timers]
   */
  constructor({ open, began, changed, timers = pageTimers }) {
    this.#open = open;
    this.#began = began;
    this.#changed = changed;
    this.#timers = timers;
  }

  /** Make ready to play, in the user's own click: elsewhere a browser may refuse. @param {number} rate */
  async ready(rate) {
    if (this.#out?.context.sampleRate === rate) return;
    this.close();
    const context = this.#open(rate);
    const gain = context.createGain();
    gain.gain.value = this.#volume;
    gain.connect(context.destination);
    this.#out = { context, gain };
    await context.resume();
  }

  /** @param {number} block @param {Int16Array} samples @param {number} rate */
  play(block, samples, rate) {
    if (!this.#out || this.#cut.has(block) || samples.length === 0) return;
    const { context, gain } = this.#out;
    const buffer = context.createBuffer(1, samples.length, rate);
    const channel = buffer.getChannelData(0);
    for (let i = 0; i < samples.length; i++) channel[i] = samples[i] / 32768;
    const node = context.createBufferSource();
    node.buffer = buffer;
    node.connect(gain);
    const at = Math.max(this.#end, context.currentTime + LEAD_S);
    this.#end = at + samples.length / rate;
    const piece = { block, at, seconds: samples.length / rate, node };
    this.#pieces.push(piece);
    node.onended = () => this.#ended();
    node.start(at);
    this.#tellOf(piece);
  }

  /** Fall silent at once. @returns {Heard | null} what was being played, if anything was */
  stop() {
    const heard = this.#heard();
    for (const { node, block } of this.#pieces) {
      node.onended = null;
      node.stop();
      this.#cut.add(block);
    }
    this.#silence();
    return heard;
  }

  get sounding() {
    return this.#out !== null && this.#end > this.#out.context.currentTime;
  }

  get volume() {
    return this.#volume;
  }

  set volume(volume) {
    this.#volume = volume;
    if (this.#out) this.#out.gain.gain.value = volume;
  }

  /** Give the loudspeaker back. */
  close() {
    this.stop();
    this.#begun.clear();
    this.#cut.clear();
    this.#out?.context.close();
    this.#out = null;
  }

  /** What is played now, or was last. @returns {Heard | null} */
  #heard() {
    if (!this.sounding || !this.#out) return null;
    const now = this.#out.context.currentTime - latency(this.#out.context);
    const begun = this.#pieces.filter(({ at }) => at <= now);
    const block = (begun.at(-1) ?? this.#pieces[0])?.block;
    if (block === undefined) return null;
    const seconds = begun.filter((piece) => piece.block === block).reduce((sum, piece) => sum + Math.min(now - piece.at, piece.seconds), 0);
    return { block, played_ms: Math.round(seconds * 1000) };
  }

  #ended() {
    if (!this.sounding) this.#fallSilent();
  }

  #fallSilent() {
    this.#pieces = [];
    this.#changed();
  }

  #silence() {
    for (const timer of this.#waiting) this.#timers.clearTimeout(timer);
    this.#waiting.clear();
    this.#end = 0;
    this.#fallSilent();
  }

  /** @param {Piece} piece */
  #tellOf({ block, at }) {
    if (this.#begun.has(block) || !this.#out) return;
    this.#begun.add(block);
    const leaves = leavesAt(this.#out.context, at, this.#timers.now());
    const timer = this.#timers.setTimeout(() => {
      this.#waiting.delete(timer);
      this.#began(block, Math.round(leaves * 1000));
    }, leaves - this.#timers.now());
    this.#waiting.add(timer);
  }
}

/** From the context to the ear, seconds, as far as the browser knows. @param {AudioContext} context */
const latency = (context) => context.outputLatency || context.baseLatency || 0;

/**
 * Page time at which a sample leaves the loudspeaker, ms.
 * @param {AudioContext} context
 * @param {number} at of the context's clock, s
 * @param {number} now page time, ms
 */
function leavesAt(context, at, now) {
  const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp?.() ?? {};
  const known = contextTime > 0 && performanceTime > 0;
  return known ? performanceTime + (at - contextTime) * 1000 : now + (at - context.currentTime + latency(context)) * 1000;
}

/** Samples of an `audio` event. @param {string} base64 */
export function samplesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length & ~1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return new Int16Array(bytes.buffer);
}
