// In the audio thread: samples into frames of 20 ms, each with its peak. Written so that its own text is a module: `String(register)`.

/** A frame as it comes from the audio thread. @typedef {{pcm: ArrayBuffer, peak: number}} Frame 16-bit samples; the peak is from 0 to 1 */

/** Make the processor known. It may refer to nothing outside of itself. */
export function register() {
  const scope = /** @type {any} */ (globalThis);
  const size = Math.round(scope.sampleRate / 50);
  const block = 128;

  class Frames extends scope.AudioWorkletProcessor {
    #frame = new Int16Array(size);
    #filled = 0;
    #peak = 0;

    /** A source that has ended gives no channel: then it is silent. @param {Float32Array[][]} inputs */
    process([[channel]]) {
      for (let i = 0; i < (channel?.length ?? block); i++) this.#take(channel?.[i] ?? 0);
      return true;
    }

    /** @param {number} sample */
    #take(sample) {
      this.#peak = Math.max(this.#peak, Math.abs(sample));
      this.#frame[this.#filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.#filled < size) return;
      const pcm = this.#frame.buffer;
      this.port.postMessage({ pcm, peak: Math.min(1, this.#peak) }, [pcm]);
      this.#frame = new Int16Array(size);
      this.#filled = 0;
      this.#peak = 0;
    }
  }
  scope.registerProcessor("tokenwidgets-frames", Frames);
}
