// A message taken apart: each field with its place in the text, its path, and what it means.

import { VOCABULARIES } from "./explanations.js";

/** @import { Framing } from "../lib/wire.js" */

/**
 * @typedef {object} Part
 * @property {number} start within the text
 * @property {number} end
 * @property {string} name its path, as `choices[].delta.content`
 * @property {string} what in words; empty where nothing is known
 * @property {string} source
 * @property {string} url
 */

/** The most that is explained of one message. */
export const PARTS = 400;

/**
 * @param {string} text of one message
 * @param {Framing} framing
 * @param {string} dialect whose JSON it is
 * @returns {Part[]} in order, none over another
 */
export function partsOf(text, framing, dialect) {
  const parts = framing === "sse" ? lines(text, dialect) : framing === "request" ? request(text, dialect) : fields(text, 0, dialect);
  return parts.slice(0, PARTS);
}

/** @param {string} text @param {string} dialect */
function lines(text, dialect) {
  /** @type {Part[]} */
  const parts = [];
  for (const { 0: line, index } of text.matchAll(/[^\r\n]+/g)) {
    const colon = line.indexOf(":");
    if (colon === 0 || (colon === 1 && line[0] === "\ufeff")) {
      parts.push(part(index, index + line.length, line.startsWith(": sent ") ? "sent" : "comment", "sse"));
      continue;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? line.length : line[colon + 1] === " " ? colon + 2 : colon + 1;
    const json = field === "data" && /^[[{]/.test(line.slice(value)) && line !== "data: [DONE]" && line !== "data:[DONE]";
    const done = line.slice(value) === "[DONE]";
    parts.push(part(index, index + (json || done ? field.length : line.length), field, "sse"));
    if (done) parts.push(part(index + value, index + line.length, "[DONE]", "sse"));
    if (json) parts.push(...fields(line.slice(value), index + value, dialect));
  }
  return parts;
}

/** An HTTP request as it is kept, or only its body. @param {string} text @param {string} dialect */
function request(text, dialect) {
  const [line] = /^[A-Z]+ \S+ HTTP\/[\d.]+/.exec(text) ?? [];
  if (!line) return fields(text, 0, dialect);
  const end = text.indexOf("\r\n\r\n");
  const [method, target] = line.split(" ");
  const parts = [
    part(0, method.length, "method", "http"),
    part(method.length + 1, method.length + 1 + target.length, "target", "http"),
    part(method.length + target.length + 2, line.length, "version", "http"),
  ];
  for (const { 0: header, 1: name, index } of text.slice(0, end).matchAll(/^([\w-]+):.*$/gm)) {
    if (index > 0) parts.push(part(index, index + header.trimEnd().length, name, "http"));
  }
  return [...parts, ...fields(text.slice(end + 4), end + 4, dialect)];
}

const TOKEN = /"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * The fields of JSON, whole or cut off. One with a plain value is marked with it; of an object or list, its name.
 * @param {string} text @param {number} offset of it @param {string} dialect
 */
function fields(text, offset, dialect) {
  /** @type {Part[]} */
  const parts = [];
  /** Objects and lists around this place. @type {{list: boolean, path: string}[]} */
  const around = [];
  /** The name whose value is next. @type {{name: string, start: number, end: number} | null} */
  let open = null;
  let naming = false;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const start = offset + index;
    const end = start + token.length;
    const path = around.at(-1)?.path ?? "";
    if (token === "{" || token === "[") {
      if (open) parts.push(part(open.start, open.end, open.name, dialect));
      around.push({ list: token === "[", path: (open?.name ?? path) + (token === "[" ? "[]" : "") });
      open = null;
      naming = token === "{";
    } else if (token === "}" || token === "]") {
      around.pop();
      naming = false;
    } else if (token === ",") naming = around.at(-1)?.list === false;
    else if (token === ":") naming = false;
    else if (naming) open = { name: `${path ? `${path}.` : ""}${unquoted(token)}`, start, end };
    else if (open) {
      parts.push(part(open.start, end, open.name, dialect, unquoted(token)));
      open = null;
    }
    if (parts.length >= PARTS) break;
  }
  return parts;
}

/** @param {string} token */
const unquoted = (token) => token.replace(/^"|"$/g, "");

/** @param {number} start @param {number} end @param {string} name @param {string} vocabulary @param {string} [value] @returns {Part} */
function part(start, end, name, vocabulary, value = "") {
  const known = VOCABULARIES[vocabulary];
  const what = known ? meaning(known.fields, name, value) : "";
  return { start, end, name, what, source: what ? known.source : "", url: what ? known.url : "" };
}

/** By the longest end of the path that is known. @param {Record<string, string>} known @param {string} name @param {string} value */
function meaning(known, name, value) {
  const path = name.replaceAll("[]", "").split(".");
  const ends = path.map((_, i) => path.slice(i).join("."));
  const found = [...ends.map((end) => `${end}=${value}`), ...ends].find((end) => Object.hasOwn(known, end));
  return found === undefined ? "" : known[found];
}
