// What goes to the session: one input behind the other, sound gathered while an earlier one is on its way.

/** @import { Input } from "../lib/messages.js" */

/** The sound that waits for a way to the session; what is older is not worth hearing any more. */
const WAITING_MS = 10_000;

export class Sender {
  #give;
  #least;
  /** @type {Input[]} */
  #waiting = [];
  /** Sound that is not sent yet. @type {Int16Array[]} */
  #sound = [];
  #rate = 0;
  #ms = 0;
  #busy = false;
  #open = false;
  /** Resolves when all that could be sent is. @type {Promise<void>} */
  done = Promise.resolve();

  /**
   * @param {(input: Input) => Promise<void>} give
   * @param {() => number} least how much sound is worth a message, ms
   */
  constructor(give, least) {
    this.#give = give;
    this.#least = least;
  }

  /** @param {ArrayBuffer} pcm @param {number} rate */
  sound(pcm, rate) {
    if (rate !== this.#rate) this.#gathered();
    this.#rate = rate;
    const samples = new Int16Array(pcm);
    this.#sound.push(samples);
    this.#ms += (samples.length / rate) * 1000;
    while (this.#ms > WAITING_MS) this.#ms -= ((this.#sound.shift()?.length ?? 0) / rate) * 1000;
    if (this.#ms >= this.#least()) this.#flush();
  }

  /** Anything else; behind the sound that came before it. @param {Input} input */
  send(input) {
    this.#gathered();
    this.#waiting.push(input);
    this.#flush();
  }

  /** There is a session now, for what waits and for what comes. @param {boolean} anew whether what waits is for another */
  open(anew = false) {
    if (anew) this.close();
    this.#open = true;
    this.#flush();
  }

  /** There is none any more. */
  close() {
    this.#open = false;
    this.#waiting = [];
    this.#sound = [];
    this.#ms = 0;
  }

  /** What was gathered is an input. */
  #gathered() {
    if (this.#sound.length === 0) return;
    this.#waiting.push({ type: "audio", delta: base64(joined(this.#sound)), rate: this.#rate });
    this.#sound = [];
    this.#ms = 0;
  }

  #flush() {
    if (!this.#busy && this.#open) this.done = this.#run();
  }

  async #run() {
    this.#busy = true;
    if (this.#waiting.length === 0) this.#gathered();
    for (let input = this.#waiting.shift(); input; input = this.#waiting.shift()) {
      await this.#give(input).catch(() => {}); // the way is lost for now: the widget says so, and what was said is gone
    }
    this.#busy = false;
    if (this.#ms > 0 && this.#ms >= this.#least()) this.#flush();
  }
}

/** @param {Int16Array[]} pieces */
function joined(pieces) {
  const whole = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** @param {Int16Array} samples */
export function base64(samples) {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}
