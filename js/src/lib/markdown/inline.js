// What stands within a paragraph, by marked's lexer: as pieces that name no element but ours and no attribute but a checked address.

import { Lexer } from "marked";
import { address, resolved } from "./text.js";

/** @import { Token } from "marked" */

/**
 * @typedef {string | Element} Piece
 * @typedef {"strong" | "em" | "del" | "code" | "br" | "a" | "math" | "input"} Tag
 * @typedef {{tag: Tag, text: string, href: string, on: boolean, pieces: Piece[]}} Element
 *   `text` of math is its source, `on` is whether it stands on lines of its own, or a task is done
 */

/** Characters of one paragraph that are parsed; the rest is text. */
const PARSED = 8000;
/** Marks in one paragraph that are parsed: where each may open or close something, their number counts twice. */
const MARKS = 400;
/** Elements within elements. What is deeper is text. */
const DEPTH = 16;
const BREAK = /^<br ?\/?>$/i;
const TASK = /^\[([ xX])\][ \t]+(?=\S)/;

/**
 * @param {string} text
 * @param {Record<string, {href: string, title: null}>} links definitions, by label
 * @returns {Piece[]}
 */
export function inline(text, links) {
  const lexer = new Lexer({ gfm: true, extensions: EXTENSIONS });
  lexer.tokens.links = /** @type {any} */ (links);
  const end = parsed(text);
  const pieces = all(lexer.inlineTokens(text.slice(0, end)), 0, false);
  return end < text.length ? [...pieces, text.slice(end)] : pieces;
}

/** How much of a text is parsed. @param {string} text */
export function parsed(text) {
  const marks = /[*_~`[]+/g;
  for (let i = 0; i < MARKS; i++) if (!marks.test(text)) return Math.min(text.length, PARSED);
  return Math.min(marks.lastIndex, PARSED);
}

/** The first paragraph of a list's item. @param {string} text @param {Record<string, {href: string, title: null}>} links */
export function task(text, links) {
  const [mark, state] = TASK.exec(text) ?? ["", ""];
  const rest = inline(text.slice(mark.length), links);
  return mark ? [element("input", { on: state !== " " }), ...rest] : rest;
}

/** @param {Tag} tag @param {Partial<Element>} own @returns {Element} */
function element(tag, own = {}) {
  return { tag, text: "", href: "", on: false, pieces: [], ...own };
}

/** Pieces of tokens; texts beside each other are one. @param {Token[]} tokens @param {number} depth @param {boolean} linked */
function all(tokens, depth, linked) {
  /** @type {Piece[]} */
  const pieces = [];
  for (const token of tokens) {
    const made = piece(token, depth, linked);
    const last = pieces.length - 1;
    if (typeof made === "string" && typeof pieces[last] === "string") pieces[last] += made;
    else pieces.push(made);
  }
  return pieces;
}

/** @param {Token} token @param {number} depth @param {boolean} linked @returns {Piece} */
function piece(token, depth, linked) {
  if (depth > DEPTH) return token.raw;
  const inner = () => all(/** @type {Token[]} */ (/** @type {any} */ (token).tokens), depth + 1, linked);
  switch (token.type) {
    case "text":
      return resolved(token.raw); // not its text, in which some references are resolved already
    case "escape":
      return token.text;
    case "strong":
    case "em":
    case "del":
      return element(token.type, { pieces: inner() });
    case "codespan":
      return element("code", { pieces: [token.text] });
    case "br":
      return element("br");
    case "math":
      return element("math", { text: token.text, on: /** @type {any} */ (token).display });
    case "html":
      return BREAK.test(token.raw) ? element("br") : token.raw; // the one tag that is read: a table's cell has no other way
    case "link":
    case "image":
      return link(/** @type {any} */ (token), depth, linked);
    default:
      return token.raw;
  }
}

/**
 * A link; an image is one too, as loading it would tell others that it is read.
 * @param {any} token
 * @param {number} depth
 * @param {boolean} linked whether this stands in a link
 */
function link(token, depth, linked) {
  const href = address(resolved(token.href));
  if (token.type === "image" && linked) return resolved(token.text);
  if (!href) return token.raw;
  const pieces = token.type === "image" ? [resolved(token.text) || href] : all(token.tokens, depth + 1, true);
  return element("a", { href, pieces });
}

// Money is no math: a dollar opens only before something and not within a word, and closes only after something and not before a digit.
const MATH = /^(?:\$\$(?!\$)([^$]+?)\$\$|\$(?![\s$])((?:\\[^]|[^\\$])*?)(?<![\s\\])\$(?![\d$])|\\\((.+?)\\\)|\\\[(.+?)\\\])/s;
const MAYBE = /(?<![\p{L}\p{N}$])\$|\\[([]/u;

const EXTENSIONS = /** @type {any} */ ({
  renderers: {},
  childTokens: {},
  startInline: [(/** @type {string} */ text) => MAYBE.exec(text)?.index],
  inline: [
    (/** @type {string} */ text) => {
      const found = MATH.exec(text);
      if (!found) return undefined;
      const [raw, two, one, round, square] = found;
      return { type: "math", raw, text: (two ?? one ?? round ?? square).trim(), display: (two ?? square) !== undefined };
    },
  ],
});
