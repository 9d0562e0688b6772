// A page of its own with the microphone, where this one has none; it speaks in this widget's session.

import { findServer } from "../lib/server.js";
import { onLocalhost, surroundings } from "./explain.js";

/** @import { Ask } from "../lib/ask.js" */
/** @import { Problem, Surroundings } from "./explain.js" */

const START_MS = 40_000;

/** @typedef {{handsFree: boolean, interruptible: boolean}} Manner how one talks */

/**
 * Have the kernel begin a session, or name the one that is open, and say where it is spoken in.
 * @param {Ask} ask
 * @param {Manner} manner
 * @returns {Promise<Problem>}
 */
export async function companion(ask, manner) {
  const { stream, base } = await ask("companion", {}, START_MS);
  return {
    title: "A page of its own",
    words: "It speaks in this session, and what is said shows here too. It may ask for the password or token of the Jupyter server.",
    link: { words: "Open the companion page", address: addressOf(stream, findServer()?.base ?? base, manner) },
  };
}

/**
 * @param {string} stream
 * @param {string} base of the server, as this page knows it, else as the kernel does
 * @param {Manner} manner
 * @param {Surroundings} [where]
 */
export function addressOf(stream, base, { handsFree, interruptible }, where = surroundings()) {
  const page = new URL(`${base}tokenwidgets/mic`, where.address);
  page.searchParams.set("stream", stream);
  if (!handsFree) page.searchParams.set("hands_free", "false");
  if (!interruptible) page.searchParams.set("interrupt", "false");
  const own = page.origin === where.address.origin;
  return (own && !where.secure ? onLocalhost(page) : page).href;
}
