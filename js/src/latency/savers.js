// Buttons that keep the picture and its data: as files, and by the clipboard where downloads are blocked.

import { h, setText } from "../lib/dom.js";
import { button } from "./button.js";
import { copy, download } from "./save.js";

/** @typedef {"PNG" | "SVG" | "CSV"} FileKind */

const KINDS = /** @type {FileKind[]} */ (["PNG", "SVG", "CSV"]);

/** @param {(kind: FileKind) => Promise<Blob>} file makes what is to be kept */
export function savers(file) {
  const said = h("span", "tw-l-said");
  said.setAttribute("role", "status");
  const save = row("Save", said, async (kind) => {
    download(await file(kind), `latency.${kind.toLowerCase()}`);
    return `${kind} saved; where downloads are blocked, copy it`;
  });
  const copying = row("Copy", said, async (kind) => {
    await copy(await file(kind));
    return `${kind} copied`;
  });
  return h("div", "tw-l-foot", ...save, ...copying, said);
}

/** @param {string} verb @param {HTMLElement} said @param {(kind: FileKind) => Promise<string>} act gives what is to be said */
function row(verb, said, act) {
  const buttons = KINDS.map((kind) => {
    const made = button(kind, async () => {
      const failed = (/** @type {any} */ error) => `${verb} ${kind} failed: ${error?.message ?? error}`;
      setText(said, await act(kind).catch(failed));
    });
    made.ariaLabel = `${verb} ${kind}`;
    return made;
  });
  return [h("span", "tw-l-verb", verb), ...buttons];
}
