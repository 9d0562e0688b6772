// What stands beside an answer: the sources it names, the tools its provider used, pictures and files that are not shown here. Every
// provider has its own shape for these, so they are looked for wherever they stand; `asides.py` finds them by the same rules.

import { h } from "../lib/dom.js";
import { address, clean } from "../lib/markdown/text.js";

/** @import { StreamEvent } from "../lib/messages.js" */

const SOURCES = 20;
const DEPTH = 8;
const ADDRESSES = ["url", "uri", "source_url"];
const TITLES = ["title", "document_title", "domain"];

/** @typedef {{address: string, title: string}} Source */

/** Each address once, in the order in which they came. @param {StreamEvent[]} notices @returns {Source[]} */
export function sources(notices) {
  /** @type {Map<string, Source>} */
  const found = new Map();
  for (const { kind, data } of notices) {
    if (kind === "citation") for (const source of within(data, 0)) if (!found.has(source.address)) found.set(source.address, source);
  }
  return [...found.values()];
}

/** @param {any} value @param {number} depth @returns {Generator<Source>} */
function* within(value, depth) {
  if (depth > DEPTH) return;
  if (typeof value === "string" && depth <= 2 && address(value)) return void (yield { address: address(value), title: "" });
  if (typeof value !== "object" || value === null) return;
  const place = ADDRESSES.map((name) => value[name]).find((text) => typeof text === "string" && address(text));
  if (place) return void (yield { address: address(place), title: TITLES.map((name) => value[name]).find((text) => typeof text === "string") ?? "" });
  for (const inner of Object.values(value)) yield* within(inner, depth + 1);
}

/** Names of the tools that ran at the provider's, each once. @param {StreamEvent[]} notices */
export function tools(notices) {
  const names = notices.filter(({ kind }) => kind === "server_tool").map(({ data }) => nameOf(data));
  return [...new Set(names.filter(Boolean))];
}

/** @param {any} data */
function nameOf(data) {
  const named = [data?.name, data?.type].find((name) => typeof name === "string");
  return named ?? Object.keys(data ?? {}).find((name) => name !== "block") ?? "";
}

/** Each in one quiet line. @param {StreamEvent[]} notices @returns {HTMLElement[]} */
export function asideLines(notices) {
  const links = sources(notices);
  const used = tools(notices);
  const media = notices.filter(({ kind }) => kind === "media").length;
  const lines = [];
  if (links.length) lines.push(h("p", "tw-aside", "Sources: ", ...listed(links)));
  if (used.length) lines.push(h("p", "tw-aside", `Used at the provider: ${clean(used.join(", "))}`));
  if (media) lines.push(h("p", "tw-aside", `${media} ${media === 1 ? "picture or file" : "pictures and files"}, not shown here`));
  return lines;
}

/** @param {Source[]} links @returns {(Node | string)[]} */
function listed(links) {
  const shown = links.slice(0, SOURCES).flatMap((link, i) => [...(i ? [" · "] : []), anchor(link)]);
  return links.length > SOURCES ? [...shown, ` · and ${links.length - SOURCES} more`] : shown;
}

/** @param {Source} source */
function anchor({ address: place, title }) {
  const made = h("a", "", clean(title) || place);
  Object.assign(made, { href: place, title: place, rel: "noopener noreferrer", target: "_blank" });
  return made;
}
