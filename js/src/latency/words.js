// What the chart says in words: of a phase, of a chunk, of a run.

import { duration } from "../lib/figures.js";
import { fine, many } from "./gaps.js";

/** @import { Phase } from "./breakdown.js" */
/** @import { Chunk } from "./track.js" */

/** What each phase is, for who points at it. @type {Record<Phase, string>} */
export const MEANINGS = {
  retry: "attempts that failed, and the pauses after them",
  loading: "the local model was read into memory",
  connect: "name resolution, TCP and TLS",
  upload: "to the request's last byte in the socket",
  wait: "from the request's last byte to the first content of any kind",
  unknown: "connect, upload and wait",
  reasoning: "from piece to piece of reasoning",
  answer: "from piece to piece of the answer, tools included",
  end: "from the last content to the terminal event",
  gateway: "our server: the end was read at the provider's socket, to written to this page",
  link: "written by our server, to the page's own code",
  paint: "from there to the end of the frame that shows it",
};

/** @param {Phase} phase @param {number | null} us @param {string} note */
export function phaseTitle(phase, us, note) {
  const name = phase === "unknown" ? "not told apart" : phase;
  const time = us === null ? "–" : us < 10_000 ? fine(us) : duration(us);
  return `${name} ${time}: ${MEANINGS[phase]}${note ? `\n${note}` : ""}`;
}

const EXCERPT = 60;

/** @param {Chunk} chunk @param {number} of how many @param {string} text */
export function chunkWords({ number, at, gap, size, kind, read }, of, text) {
  const words = [
    `chunk ${number} of ${of}`,
    `at ${at < 10_000 ? fine(at) : duration(at)}`,
    gap === null ? "the first" : gap === 0 ? "same read" : `gap ${fine(gap)}`,
    kind === "audio" ? "sound" : many(size, "character"),
    `read ${read}`,
    ...(kind === "text" || kind === "audio" ? [] : [kind]),
  ];
  const line = kind === "audio" ? "" : text.replace(/\s+/g, " ");
  return { words: words.join(" · "), excerpt: line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line };
}
