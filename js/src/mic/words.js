// What the widget says.

import { duration } from "../lib/figures.js";
import { STAGES, latency, stages } from "./spoken.js";

/** @import { State } from "./talk.js" */
/** @import { Turn } from "./spoken.js" */

/** @type {Record<State, string>} */
export const STATES = {
  off: "Ready",
  opening: "Connecting",
  preview: "Checking the microphone",
  recording: "Recording",
  idle: "Idle",
  listening: "Listening",
  thinking: "Thinking",
  speaking: "Speaking",
};

/** How the sound travels. @type {Record<import("./way.js").Path["name"], string>} */
export const SOUNDS = {
  worklet: "Sound as samples of an AudioWorklet",
  webrtc: "Sound as a WebRTC track",
  provider: "Sound as WebRTC tracks between this page and the provider, and not kept here",
};

/**
 * What can be done now.
 * @param {State} state
 * @param {{handsFree: boolean, interruptible: boolean, muted: boolean, recorder: boolean, again: boolean}} of
 */
export function hint(state, { handsFree, interruptible, muted, recorder, again }) {
  if (state === "opening") return "Your browser may ask for the microphone";
  if (state === "preview") return "Nothing is sent";
  if (recorder) return state === "recording" ? "Press to stop" : again ? "Press to record anew" : "Press to record";
  if (muted && state !== "off") return "Muted: you are not heard";
  if (state === "off") return `${handsFree ? "Press" : "Press and hold"} to talk${again ? " on" : ""}`;
  if (!handsFree) return state === "listening" ? "Let go when you are done" : "Hold to talk, Esc to end";
  if (state === "speaking" && interruptible) return "Speak to interrupt";
  return state === "speaking" || state === "thinking" ? "Press to end" : "Speak; press to end";
}

/** How long a turn took, step by step. @param {Turn} turn */
export function waitWords(turn) {
  const all = latency(turn);
  const steps = stages(turn).map(({ name, begin, end }) => `${STAGES[name]} ${duration(end - begin)}`);
  return all === null || steps.length === 0 ? "" : `${steps.join(" + ")} = ${duration(all)}`;
}

/** How an answer ended, where that is not a matter of course. @param {Turn} turn */
export function ending({ status, message, calls, said, interrupted }) {
  const called = calls.length ? `Called ${calls.join(", ")}.` : "";
  const ends = /** @type {Record<string, string>} */ ({
    cancelled: said ? "" : "You went on.",
    incomplete: "Cut short by the provider.",
    failed: `Failed: ${message || "the provider gave no reason."}`,
  });
  return [called, interrupted || (status === "cancelled" && said) ? "Interrupted." : "", ends[status] ?? ""].filter(Boolean).join(" ");
}

/** @param {string} words */
export const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");
