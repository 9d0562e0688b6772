// From a source of sound, a microphone or a clip, to frames of 16-bit samples.

import { findServer } from "../lib/server.js";
import { register } from "./processor.js";

/** @import { Frame } from "./processor.js" */

/**
 * What of the browser it takes.
 * @typedef {object} Audio
 * @property {typeof AudioContext} AudioContext
 * @property {typeof AudioWorkletNode} AudioWorkletNode
 * @property {MediaDevices | undefined} devices none in a page that is not secure
 */
/**
 * What is heard.
 * @typedef {{device: string} | {clip: ArrayBuffer}} Source the id of a device, empty for the default one; or a file of sound
 */

/** Echo, noise and level are the browser's to deal with: the answer's sound would otherwise be heard as the user's. */
const CLEANED = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** What the browser uses when nothing else is said. @returns {Audio} */
export const pageAudio = () => ({ AudioContext, AudioWorkletNode, devices: navigator.mediaDevices });

export class Capture {
  /** @param {Frame & {rate: number}} _ */
  #onFrame = (_) => {};
  /** @type {AudioContext | null} */
  #context = null;
  /** What was opened: its tracks are what the browser shows as "in use". @type {MediaStream | null} */
  #media = null;
  /** The same sound as a track, for a peer connection. @type {MediaStream | null} */
  stream = null;

  /**
   * Open a source; what comes goes to `onFrame` until `close`. Rejects with the browser's own error.
   * @param {Source} source
   * @param {object} options
   * @param {Audio} options.audio
   * @param {(frame: Frame & {rate: number}) => void} options.onFrame
   * @param {() => void} options.onLost the device is gone
   */
  static async open(source, { audio, onFrame, onLost }) {
    const capture = new Capture();
    try {
      capture.#onFrame = onFrame;
      await capture.#open(source, audio, onLost);
      return capture;
    } catch (error) {
      capture.close();
      throw error;
    }
  }

  /** Give the device back. */
  close() {
    this.#onFrame = () => {};
    for (const stream of [this.#media, this.stream]) for (const track of stream?.getTracks() ?? []) track.stop();
    this.#context?.close();
    this.#context = null;
  }

  /** @param {Source} source @param {Audio} audio @param {() => void} onLost */
  async #open(source, audio, onLost) {
    if ("device" in source) this.#media = await microphone(audio, source.device);
    const context = (this.#context = new audio.AudioContext());
    await context.resume();
    await addModule(context);
    const frames = new audio.AudioWorkletNode(context, "tokenwidgets-frames", { numberOfInputs: 1, numberOfOutputs: 1 });
    frames.port.onmessage = ({ data }) => this.#onFrame({ ...data, rate: context.sampleRate });
    frames.connect(context.destination); // it is silent; what leads nowhere may not be run
    if (this.#media) this.#hear(context, frames, onLost);
    else if ("clip" in source) await this.#play(context, frames, source.clip);
  }

  /** @param {AudioContext} context @param {AudioNode} frames @param {() => void} onLost */
  #hear(context, frames, onLost) {
    const media = /** @type {MediaStream} */ (this.#media);
    const [track] = media.getAudioTracks();
    this.stream = media;
    track?.addEventListener("ended", onLost);
    context.createMediaStreamSource(media).connect(frames);
  }

  /** A clip is heard at its own pace, and silence behind it. @param {AudioContext} context @param {AudioNode} frames @param {ArrayBuffer} file */
  async #play(context, frames, file) {
    const clip = context.createBufferSource();
    clip.buffer = await context.decodeAudioData(file.slice(0));
    const mono = context.createGain();
    mono.channelCount = 1;
    mono.channelCountMode = "explicit";
    const track = context.createMediaStreamDestination();
    clip.connect(mono).connect(frames);
    mono.connect(track);
    this.stream = track.stream;
    clip.start();
  }
}

/** @param {Audio} audio @param {string} device */
function microphone({ devices }, device) {
  if (!devices?.getUserMedia) throw new DOMException("there is no microphone in a page that is not secure", "SecurityError");
  const chosen = device ? { deviceId: { ideal: device } } : {}; // one that is gone since is no reason to fail
  return devices.getUserMedia({ audio: { channelCount: 1, ...CLEANED, ...chosen } });
}

/** From a Blob, as the widget's own module; where the page's policy forbids that, from the server. @param {AudioContext} context */
async function addModule(context) {
  const url = URL.createObjectURL(new Blob([`(${register})()`], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(url);
  } catch (error) {
    const server = findServer();
    if (!server) throw error;
    await context.audioWorklet.addModule(`${server.base}tokenwidgets/assets/mic-worklet.js`);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** A device that can be chosen; its label is empty until the page may use one. @typedef {{id: string, label: string}} Device */

/** @param {Audio} audio @returns {Promise<Device[]>} */
export async function microphones({ devices }) {
  const found = (await devices?.enumerateDevices?.()) ?? [];
  return found.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId && deviceId !== "default").map(({ deviceId, label }) => ({ id: deviceId, label }));
}
