// Who answers the questions of an exported widget: the page's own file.

/** @import { RawFrame } from "../lib/wire.js" */
/** @import { Answerer } from "./model.js" */

/**
 * What `tokenwidgets/export.py` writes into the page.
 * @typedef {object} Contents
 * @property {string} module the widget's bundle
 * @property {Record<string, unknown>} traits with the events of each stream
 * @property {Record<string, object>} [answers] to what the page asks, by operation
 * @property {Record<string, RawFrame[]>} frames by the stream's id
 * @property {Record<string, string>} assets
 */

/** @param {Contents} contents @returns {Answerer} */
export const fromFile = ({ answers = {}, frames, assets }) => ({ op, stream, name }) => {
  if (op in answers) return answers[op];
  if (op === "wire" && stream in frames) return { frames: frames[stream], of: frames[stream].length };
  if (op === "asset" && name in assets) return { text: assets[name] };
  return { error: { code: "not_found", message: "This page is a file without a kernel, and does not hold that." } };
};
