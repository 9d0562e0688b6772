// The page `tokenwidgets/mic`: the microphone outside of a notebook, in a session that a notebook began or in some of its own.

import { PageModel } from "../host/model.js";
import mic from "../mic/index.js";
import { refusal, run, talk } from "./sessions.js";

/** @typedef {{model: string, stream?: string, handsFree: string, interrupt: string}} Asked what the page was asked for, as its server wrote it down */

const place = /** @type {HTMLElement} */ (document.querySelector("[data-tokenwidgets]"));
const { model: name, stream, handsFree, interrupt } = /** @type {Asked & DOMStringMap} */ (place.dataset);
const traits = {
  mount: place.dataset.tokenwidgets,
  runs: stream ? [run(stream)] : [],
  model: stream ? "" : name,
  record: false,
  hands_free: handsFree === "true",
  interrupt: interrupt === "true",
  path: "auto",
  clips: {},
  with_clip: false,
};
/** @type {PageModel} */
const model = new PageModel(traits, ({ op }) => (op === "talk" ? talk(model, stream) : refusal("not_found", "This page has no kernel, and does not know that.")));
mic().initialize(/** @type {any} */ ({ model, signal: new AbortController().signal }));
