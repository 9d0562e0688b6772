// What a line begins, in CommonMark's order of precedence.

import { block } from "./blocks.js";
import { alignments } from "./table.js";
import { resolved } from "./text.js";

/** @import { Block, Blocks } from "./blocks.js" */
/** @import { Line } from "./line.js" */

/** Blocks within blocks. A quote or list that stands deeper is text. */
export const DEPTH = 24;

const RULE = /^(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:-[ \t]*){3,})$/;
const FENCE = /^(?:(`{3,})([^`]*)|(~{3,})(.*))$/;
const MATH = /^(?:\$\$|\\\[)/;
const MARKER = /^(?:([-+*])|(\d{1,9})([.)]))(?=[ \t]|$)/;

/**
 * @param {Line} line
 * @param {Block} container the deepest block that the line goes on with
 * @param {number} depth how many blocks that are
 * @param {Blocks} blocks
 * @returns {"container" | "leaf" | "none"} what was begun; after a leaf nothing of the line is left
 */
export function opens(line, container, depth, blocks) {
  if (line.indent > 3) return indented(line, depth, blocks);
  const text = line.rest.trimStart();
  if (quote(line, text, depth, blocks)) return "container";
  if (heading(text, depth, blocks) || fence(line, text, depth, blocks) || math(text, depth, blocks)) return "leaf";
  if (container.type === "paragraph" && (table(text, container, blocks) || setext(text, blocks))) return "leaf";
  if (rule(text, depth, blocks)) return "leaf";
  return item(line, text, container, depth, blocks) ? "container" : "none";
}

/** @param {Line} line @param {number} depth @param {Blocks} blocks */
function indented(line, depth, blocks) {
  if (line.blank || blocks.tip.type === "paragraph") return "none";
  line.skip(4);
  blocks.place(block("code", { indent: 4, lines: [line.rest] }), depth);
  return "leaf";
}

/** @param {Line} line @param {string} text @param {number} depth @param {Blocks} blocks */
function quote(line, text, depth, blocks) {
  if (!text.startsWith(">") || depth >= DEPTH) return false;
  line.skip(3);
  line.take(1);
  line.skip(1);
  blocks.place(block("quote"), depth);
  return true;
}

/** @param {string} text @param {number} depth @param {Blocks} blocks */
function heading(text, depth, blocks) {
  const marks = /^#{1,6}(?=[ \t]|$)/.exec(text)?.[0];
  if (!marks) return false;
  blocks.place(block("heading", { level: marks.length, lines: [untrailed(text.slice(marks.length).trim())] }), depth);
  return true;
}

/** A heading's text without the marks that may close it. @param {string} text */
function untrailed(text) {
  let end = text.length;
  while (text[end - 1] === "#") end--;
  return end === 0 || text[end - 1] === " " || text[end - 1] === "\t" ? text.slice(0, end).trimEnd() : text;
}

/** @param {Line} line @param {string} text @param {number} depth @param {Blocks} blocks */
function fence(line, text, depth, blocks) {
  const found = FENCE.exec(text);
  if (!found) return false;
  const info = resolved((found[2] ?? found[4]).trim());
  blocks.place(block("code", { marker: found[1] ?? found[3], indent: line.indent, info }), depth);
  return true;
}

/** @param {string} text @param {number} depth @param {Blocks} blocks */
function math(text, depth, blocks) {
  if (!MATH.test(text)) return false;
  const marker = text.startsWith("$") ? "$$" : "\\]";
  const end = text.indexOf(marker, 2);
  if (end >= 0 && text.slice(end + 2).trim()) return false; // a formula within a line
  blocks.place(block("math", { marker, lines: [text], ended: end > 2 }), depth);
  if (end > 2) blocks.close(blocks.depth - 1);
  return true;
}

/** @param {string} text @param {Block} paragraph @param {Blocks} blocks */
function table(text, paragraph, blocks) {
  const header = paragraph.lines[paragraph.lines.length - 1];
  const align = alignments(text, header);
  if (align) blocks.table(header, align);
  return align !== null;
}

/** @param {string} text @param {Blocks} blocks */
function setext(text, blocks) {
  if (!/^(?:=+|-+)[ \t]*$/.test(text)) return false;
  const words = blocks.words();
  if (!words) return false;
  blocks.replace(block("heading", { level: text[0] === "=" ? 1 : 2, lines: words.split("\n") }));
  return true;
}

/** @param {string} text @param {number} depth @param {Blocks} blocks */
function rule(text, depth, blocks) {
  if (!RULE.test(text)) return false;
  blocks.place(block("rule"), depth);
  return true;
}

/** @param {Line} line @param {string} text @param {Block} container @param {number} depth @param {Blocks} blocks */
function item(line, text, container, depth, blocks) {
  const found = MARKER.exec(text);
  if (!found || depth + 1 >= DEPTH) return false;
  const [mark, bullet, number, end] = found;
  const content = text.slice(mark.length);
  if (container.type === "paragraph" && (!content.trim() || (number && Number(number) !== 1))) return false;
  const indent = line.indent + mark.length;
  line.skip(3);
  line.take(mark.length);
  const space = line.blank || line.indent > 4 ? 1 : line.indent;
  line.skip(space);
  list(container, bullet ?? end, number ? Number(number) : -1, depth, blocks);
  blocks.place(block("item", { indent: indent + space }), blocks.depth);
  return true;
}

/**
 * Go on with the list, or begin one.
 * @param {Block} container
 * @param {string} marker
 * @param {number} start
 * @param {number} depth
 * @param {Blocks} blocks
 */
function list(container, marker, start, depth, blocks) {
  if (container.type === "list" && container.marker === marker) blocks.close(depth);
  else blocks.place(block("list", { marker, start }), depth);
}
