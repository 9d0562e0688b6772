// CommonMark's blocks and GitHub's tables, read line by line: a line costs the same wherever it stands, and a block that has ended
// never changes. The last line, which may not be whole yet, is read as a draft and taken back.

import { Line } from "./line.js";
import { opens } from "./opens.js";
import { References } from "./references.js";
import { cells } from "./table.js";

/**
 * @typedef {object} Block
 * @property {"text" | "quote" | "list" | "item" | "paragraph" | "heading" | "rule" | "code" | "math" | "table" | "row"} type
 * @property {Block[]} children
 * @property {string[]} lines of a leaf; the cells of a row
 * @property {boolean} open whether more may come
 * @property {boolean} final closed, and not by a draft
 * @property {number} level of a heading
 * @property {string} marker the fence of code, the end of math, the kind of a list; "" for indented code
 * @property {number} indent columns that its lines are indented by
 * @property {string} info what stands at the fence of code: its language, and more
 * @property {number} start of a numbered list, else -1
 * @property {boolean} loose whether a list has blank lines between its parts
 * @property {string[]} align of a table's columns
 * @property {boolean} ended whether the end of math was there
 * @property {string} blanks the blank lines at the end of indented code: part of it only if more comes
 */

const ENDED = -1;

/** @param {Block["type"]} type @param {Partial<Block>} own @returns {Block} */
export function block(type, own = {}) {
  const common = { children: [], lines: [], open: true, final: false, level: 0, marker: "", indent: 0 };
  return { type, ...common, info: "", start: -1, loose: false, align: [], ended: false, blanks: "", ...own };
}

export class Blocks {
  root = block("text");
  references = new References();
  #open = [this.root];
  #afterBlank = false;
  #drafting = false;

  get tip() {
    return this.#open[this.#open.length - 1];
  }

  /** Blocks that are open around the next one. */
  get depth() {
    return this.#open.length;
  }

  /** @param {string} text a whole line, without its line break */
  add(text) {
    const line = new Line(text);
    const matched = this.#continue(line);
    if (matched === ENDED) return;
    const container = this.#begin(line, matched);
    if (container) this.#text(line, container);
    const last = container ?? this.tip;
    this.#afterBlank = line.blank && last.type !== "quote" && last.type !== "code" && !(last.type === "item" && last.children.length === 0);
  }

  /**
   * Let `show` see the text as it would be if it ended with these characters, or with no more than there are.
   * @param {string | null} text
   * @param {() => void} show
   */
  draft(text, show) {
    const open = this.#open;
    const saved = open.map((one) => ({ one, fields: { ...one }, children: one.children.length, lines: one.lines.length }));
    const afterBlank = this.#afterBlank;
    this.#open = [...open];
    this.#drafting = true;
    if (text !== null) this.add(text);
    this.#foresee();
    show();
    this.#drafting = false;
    saved.forEach(({ one, fields, children, lines }, i) => {
      Object.assign(one, fields);
      one.children.length = children;
      one.lines.length = lines;
      if (i > 0) saved[i - 1].one.children[saved[i - 1].children - 1] = one;
    });
    this.#open = open;
    this.#afterBlank = afterBlank;
  }

  /** What is open ends here. */
  end() {
    this.close(1);
  }

  /** Close the blocks from this depth on. @param {number} depth */
  close(depth) {
    while (this.#open.length > depth) finish(/** @type {Block} */ (this.#open.pop()), this.references, !this.#drafting);
  }

  /**
   * Put a block after what is there.
   * @param {Block} made
   * @param {number} depth how many of the open blocks may be around it
   */
  place(made, depth) {
    this.close(depth);
    while (!holds(this.tip, made)) this.close(this.depth - 1);
    const around = this.tip;
    if (this.#afterBlank && around.children.length > 0) this.#loosen(around);
    around.children.push(made);
    this.#open.push(made);
    return made;
  }

  /** The paragraph that is open last becomes another block. @param {Block} made */
  replace(made) {
    this.#open.pop();
    this.tip.children[this.tip.children.length - 1] = made;
    this.#open.push(made);
  }

  /** @param {Block} around */
  #loosen(around) {
    const list = around.type === "item" ? this.#open[this.#open.length - 2] : around;
    if (list.type === "list") list.loose = true;
  }

  /**
   * Which open blocks the line goes on with.
   * @param {Line} line
   * @returns {number} how many of them; `ENDED` if the line was the end of the last one
   */
  #continue(line) {
    for (let depth = 1; depth < this.#open.length; depth++) {
      const one = this.#open[depth];
      const goes = GOES_ON[one.type](line, one);
      if (goes === ENDED) {
        this.close(depth);
        this.#afterBlank = false;
        return ENDED;
      }
      if (!goes) return depth;
    }
    return this.#open.length;
  }

  /**
   * Begin the blocks that the line begins.
   * @param {Line} line
   * @param {number} matched
   * @returns {Block | null} where the rest of the line goes; nothing if it was used up
   */
  #begin(line, matched) {
    let depth = matched;
    for (;;) {
      const container = this.#open[depth - 1];
      if (container.type === "code" || container.type === "math") return container;
      const opened = opens(line, container, depth, this);
      if (opened === "leaf") return null;
      if (opened === "none") return this.#lazy(line, depth) ?? container;
      depth = this.depth;
    }
  }

  /** A paragraph goes on although the line does not say so for what is around it. @param {Line} line @param {number} depth */
  #lazy(line, depth) {
    if (depth < this.depth && this.tip.type === "paragraph" && !line.blank) return this.tip;
    this.close(depth);
    return null;
  }

  /** @param {Line} line @param {Block} container */
  #text(line, container) {
    if (container.type === "code") return code(line, container);
    if (container.type === "math") return this.#math(line, container);
    if (line.blank) return;
    const text = line.rest.trimStart();
    if (container.type === "paragraph") container.lines.push(text);
    else if (container.type === "table") container.children.push(row(cells(text), !this.#drafting));
    else this.place(block("paragraph", { lines: [text] }), this.depth);
  }

  /** @param {Line} line @param {Block} math */
  #math(line, math) {
    const text = line.rest;
    math.lines.push(text);
    if (!text.trimEnd().endsWith(math.marker)) return;
    math.ended = true;
    this.close(this.depth - 1);
  }

  /** A line that begins with a bar is most likely a table's header. */
  #foresee() {
    const { tip } = this;
    const header = tip.type === "paragraph" ? tip.lines[tip.lines.length - 1] : "";
    if (/^\|.*[^|\s]/.test(header))
      this.table(
        header,
        cells(header).map(() => ""),
      );
  }

  /** The last line of the paragraph was a table's header. @param {string} header @param {string[]} align */
  table(header, align) {
    const { tip } = this;
    const made = block("table", { align, children: [row(cells(header), !this.#drafting)] });
    if (tip.lines.length === 1) return this.replace(made);
    tip.lines = tip.lines.slice(0, -1);
    this.place(made, this.depth - 1);
  }

  /** The paragraph's text without definitions. @param {boolean} [keep] the definitions */
  words(keep = !this.#drafting) {
    return this.references.take(this.tip.lines.join("\n"), keep);
  }
}

/**
 * Whether a line goes on with an open block; what it takes of the line is taken.
 * @type {Record<string, (line: Line, block: Block) => boolean | typeof ENDED>}
 */
const GOES_ON = {
  quote(line) {
    if (line.indent > 3 || !/^[ \t]*>/.test(line.rest)) return false;
    line.skip(3);
    line.take(1);
    line.skip(1);
    return true;
  },
  list: () => true,
  item(line, { indent, children }) {
    if (line.blank) return children.length > 0;
    if (line.indent < indent) return false;
    line.skip(indent);
    return true;
  },
  code(line, { marker, indent }) {
    if (marker && line.indent <= 3 && closes(line.rest.trim(), marker)) return ENDED;
    if (!marker && !line.blank && line.indent < indent) return false;
    line.skip(indent);
    return true;
  },
  math: (line) => !line.blank,
  paragraph: (line) => !line.blank,
  table: (line) => !line.blank,
  heading: () => false,
  rule: () => false,
};

/** @param {Block} around @param {Block} made */
function holds(around, made) {
  if (around.type === "list") return made.type === "item";
  return ["text", "quote", "item"].includes(around.type);
}

/** @param {string} text @param {string} fence */
function closes(text, fence) {
  return text.startsWith(fence) && text === fence[0].repeat(text.length);
}

/** @param {Line} line @param {Block} code */
function code(line, code) {
  if (code.marker) return void code.lines.push(line.rest);
  const text = `${code.blanks}${line.rest}`;
  code.blanks = line.blank ? `${text}\n` : "";
  if (!line.blank) for (const one of text.split("\n")) code.lines.push(one);
}

/** @param {string[]} lines @param {boolean} final */
function row(lines, final) {
  return block("row", { lines, open: !final, final });
}

/** @param {Block} one @param {References} references @param {boolean} final */
function finish(one, references, final) {
  one.open = false;
  one.final = final;
  if (one.type === "math" && !one.ended) one.type = "paragraph"; // it never ended: no formula
  if (one.type === "paragraph") one.lines = references.take(one.lines.join("\n"), final).split("\n");
}
