// A stream as a file that `tw.replay` plays, made by the page: events without the wire, for where there is no kernel to write it.

/** @import { Session } from "../lib/session.js" */

const VERSION = 1;

/** @param {Session} session */
export function recording({ model, events }) {
  const created = events.find(({ type }) => type === "start")?.created ?? 0;
  const lines = [{ tokenwidgets: VERSION, model, request: { model }, created }, ...events];
  return `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
}

/** @param {Session} session */
export const fileName = ({ model }) => `${model.replace(/[^A-Za-z0-9.]+/g, "-") || "stream"}.jsonl`;

/** Hand a text to the reader as a file. @param {string} text @param {string} name */
export function download(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
