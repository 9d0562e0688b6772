// What the network lab says.

/** @import { Row } from "./lane.js" */

/** Figures of a lane: their name in a row's words, how they are called, and what they mean. */
export const FIGURES = [
  { of: "median", words: "median", title: "Half of the tokens came sooner: from the source to where they could be shown" },
  { of: "p99", words: "p99", title: "99 in 100 tokens came sooner" },
  { of: "stalls", words: "stalls / 1,000", title: "Times without a token of more than 200 ms, for each 1,000 tokens" },
  { of: "ratio", words: "stalled", title: "The share of the time that a reader waited beyond the stream's own pace" },
];

/** What is missing at the end; before it, what is on its way or held back. @param {Row} row @returns {[string, string]} */
export const behind = ({ words }) => (words.missing === "" ? ["behind", words.behind] : ["missing", words.missing]);

/** @type {Record<string, string>} */
export const BACKENDS = {
  tun: "Real packets (tun)",
  model: "Simulated (model)",
  relay: "Real datagrams (relay)",
  recorded: "Recorded (tun)",
};

/** @type {Record<string, string>} */
export const BUTTONS = { idle: "Start", starting: "Starting…", running: "Stop", over: "Run again" };

/** How far a run is. @param {string} state @param {number} given @param {number} tokens */
export function progress(state, given, tokens) {
  if (state === "idle" || state === "starting") return "";
  return tokens && state === "running" ? `${given} of ${tokens} tokens` : `${given} tokens`;
}

/** The link in a sentence, to be read aloud. @param {Record<string, any>} link */
export function linkWords(link) {
  if (link.cut) return "The cable is cut.";
  const how = link.burst > 1 ? ` in bursts of ${link.burst}` : "";
  const parts = [`${percent(link.loss)} lost${how}`, `${link.delay_ms} ms delay`];
  if (link.jitter_ms) parts.push(`${link.jitter_ms} ms jitter`);
  if (link.kbit_s) parts.push(`${link.kbit_s} kbit/s`);
  return `The link now: ${parts.join(", ")}.`;
}

/** @param {number} share */
export const percent = (share) => `${Number((share * 100).toFixed(1))} %`;

/** What was predicted, for as long as nothing shows whether that is right. @param {string} prediction @param {{lane: string, name: string}[]} lanes */
export function predicted(prediction, lanes) {
  if (prediction === "" || prediction === "skipped") return "";
  const name = lanes.find(({ lane }) => lane === prediction)?.name;
  return name ? `Your prediction: ${name} stalls most.` : "Your prediction: no lane stalls more than another.";
}

/** What the figures mean; the same words stand under the static form. */
export const STALLS =
  "A stall is more than 200 ms without a token, and more than twice the stream's own pace; stalled is the share of the time that a reader waited beyond that pace.";

/** How packets are drawn. @param {number} every */
export const drawing = (every) =>
  `Above the line packets go to the reader, below it they come back; a cross is one that is lost. The wire is drawn 0.6 s longer than it is, so that they can be seen; what comes out keeps its own times.${every > 1 ? ` 1 in ${every} packets is drawn.` : ""}`;
