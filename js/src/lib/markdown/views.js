// Blocks to elements: one view a block, kept by its place. What is final is drawn once and not looked at again.

import { h } from "../dom.js";
import { Code } from "./code.js";
import { Formulas } from "./formula.js";
import { inline, parsed, task } from "./inline.js";
import { mend } from "./mend.js";
import { patch } from "./patch.js";

/** @import { Block } from "./blocks.js" */
/** @import { Load } from "../assets.js" */
/** @import { References } from "./references.js" */

/** @typedef {{kind: string, element: HTMLElement, update(block: Block, first: boolean): void}} View `first` in a list's item */

/** What views have in common. */
export class Tools {
  /** @type {ResizeObserver | null} */
  #sizes = null;

  /** @param {References} references @param {Load | undefined} load */
  constructor(references, load) {
    this.references = references;
    this.load = load;
    this.formulas = new Formulas(load);
    if (typeof ResizeObserver === "undefined") return;
    this.#sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => reachable(target)));
  }

  /** A box that is reached by the keyboard while it has more than it shows. */
  scrolls = (/** @type {HTMLElement} */ box, /** @type {HTMLElement} */ content) => {
    box.role = "group";
    this.#sizes?.observe(content);
  };
}

/** @param {Element} content */
function reachable(content) {
  const box = /** @type {HTMLElement} */ (content.parentElement);
  if (box) box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1;
}

/** Children that are laid out as one once the next ones come: the layout of many siblings would cost more with each. */
const PART = 50;

/** What holds other blocks. */
export class Branch {
  /** @type {View[]} */
  #views = [];
  /** @type {HTMLElement[]} after the first */
  #parts = [];
  #final = 0;

  /** @param {string} kind @param {HTMLElement} element @param {Tools} tools */
  constructor(kind, element, tools) {
    this.kind = kind;
    this.element = element;
    this.tools = tools;
  }

  /** @param {Block} block */
  update(block) {
    const { children, type } = block;
    while (this.#views.length > children.length) this.#views.pop()?.element.remove();
    while (this.#parts.at(-1)?.hasChildNodes() === false) this.#parts.pop()?.remove();
    for (let i = this.#final; i < children.length; i++) this.#place(i, children[i]).update(children[i], type === "item" && i === 0);
    while (children[this.#final]?.final) this.#final++;
    if (type === "list") list(this.element, block);
  }

  /** Where the element of a child goes. @param {number} index @returns {HTMLElement} */
  home(index) {
    if (index < PART) return this.first(index);
    const at = Math.floor(index / PART) - 1;
    return (this.#parts[at] ??= this.part());
  }

  /** Where one of the first children goes. @param {number} _index @returns {HTMLElement} */
  first(_index) {
    return this.element;
  }

  /** @returns {HTMLElement} */
  part() {
    const made = h("div", "tw-md-part");
    made.role = "none"; // a list's items are still the list's
    this.element.append(made);
    return made;
  }

  /** @param {number} index @param {Block} child */
  #place(index, child) {
    const old = this.#views[index];
    const kind = kindOf(child, index);
    if (old?.kind === kind) return old;
    const made = view(kind, child, this.tools);
    if (old) old.element.replaceWith(made.element);
    else this.home(index).append(made.element);
    return (this.#views[index] = made);
  }
}

/** @param {HTMLElement} element @param {Block} block */
function list(element, { start, loose }) {
  if (start >= 0 && start !== 1) /** @type {HTMLOListElement} */ (element).start = start;
  if (loose) element.classList.add("tw-md-loose");
  else element.classList.remove("tw-md-loose");
}

/** A table scrolls in its own box. Its first row is its head. */
class Table extends Branch {
  #table;
  #head = h("thead", "");
  #rows = h("tbody", "");

  /** @param {Tools} tools */
  constructor(tools) {
    const table = h("table", "");
    super("table", h("div", "tw-md-table", table), tools);
    this.#table = table;
    table.append(this.#head, this.#rows);
    this.element.ariaLabel = "Table";
    tools.scrolls(this.element, table);
  }

  /** @override @param {Block} block */
  update(block) {
    for (const row of block.children) row.align = block.align;
    super.update(block);
  }

  /** @override @param {number} index */
  first(index) {
    return index === 0 ? this.#head : this.#rows;
  }

  /** @override */
  part() {
    if (!this.#table.style.tableLayout) this.#fix();
    const made = h("tbody", "");
    this.#table.append(made);
    return made;
  }

  /** The columns of a long table stay as wide as they are: to find their widths, each new row would ask all others. */
  #fix() {
    const widths = [...this.#head.querySelectorAll("th")].map(({ offsetWidth }) => offsetWidth);
    if (widths.includes(0)) return;
    const columns = widths.map((width) => Object.assign(h("col", ""), { width: String(width) }));
    this.#table.prepend(h("colgroup", "", ...columns));
    this.#table.style.width = `${widths.reduce((sum, width) => sum + width, 0)}px`;
    this.#table.style.tableLayout = "fixed";
  }
}

/** A line of a table. */
class Row {
  element = h("tr", "");
  /** @type {Words[]} */
  #cells = [];

  /** @param {string} kind @param {Tools} tools */
  constructor(kind, tools) {
    this.kind = kind;
    this.tools = tools;
  }

  /** @param {Block} block */
  update({ lines, align, open, final }) {
    const width = Math.max(lines.length, align.length);
    for (let i = 0; i < width; i++) {
      const cell = (this.#cells[i] ??= this.#add());
      if (cell.element.style.textAlign !== (align[i] ?? "")) cell.element.style.textAlign = align[i] ?? "";
      cell.show(lines[i] ?? "", open && i === lines.length - 1, final);
    }
    while (this.#cells.length > width) this.#cells.pop()?.element.remove();
  }

  #add() {
    const element = this.kind === "head" ? h("th", "") : h("td", "");
    if (this.kind === "head") /** @type {HTMLTableCellElement} */ (element).scope = "col";
    this.element.append(element);
    return new Words("cell", element, this.tools);
  }
}

/** A paragraph, a heading, a cell. */
class Words {
  #tools;
  /** @type {string | null} */
  #shown = null;
  #watched = false;

  /** @param {string} kind @param {HTMLElement} element @param {Tools} tools */
  constructor(kind, element, tools) {
    this.kind = kind;
    this.element = element;
    this.#tools = tools;
  }

  /** @param {Block} block @param {boolean} first */
  update({ lines, open, final, type }, first) {
    this.show(lines.join("\n"), open, final, first && type === "paragraph");
  }

  /** @param {string} text @param {boolean} open @param {boolean} final @param {boolean} [mayBeTask] */
  show(text, open, final, mayBeTask = false) {
    const { references, formulas } = this.#tools;
    const whole = (open && parsed(text) === text.length ? mend(text) : text).trimEnd();
    const draw = () => patch(this.element, (mayBeTask ? task : inline)(whole, references.links), formulas);
    if (final && !this.#watched) references.watch(text, draw);
    this.#watched = final;
    if (this.#shown === whole) return;
    this.#shown = whole;
    draw();
  }
}

/** A formula on lines of its own. */
class Formula {
  kind = "math";
  #tools;
  element = h("div", "tw-md-block");

  /** @param {Tools} tools */
  constructor(tools) {
    this.#tools = tools;
  }

  /** @param {Block} block */
  update({ lines, ended }) {
    const text = lines.join("\n").trim();
    if (ended) patch(this.element, [{ tag: "math", text: text.slice(2, -2).trim(), href: "", on: true, pieces: [] }], this.#tools.formulas);
    else patch(this.element, [{ tag: "code", text: "", href: "", on: false, pieces: [text] }], this.#tools.formulas);
  }
}

/** A line across. */
class Rule {
  kind = "rule";
  element = h("hr", "");

  update() {}
}

/** Blocks of a kind are drawn by the same element. @param {Block} block @param {number} index among those around it */
function kindOf({ type, level, start }, index) {
  if (type === "heading") return `h${level}`;
  if (type === "list") return start < 0 ? "ul" : "ol";
  if (type === "row") return index === 0 ? "head" : "row";
  return type;
}

const TAGS = /** @type {const} */ ({ quote: "blockquote", item: "li", paragraph: "p" });

/** @param {string} kind @param {Block} block @param {Tools} tools @returns {View} */
function view(kind, block, tools) {
  const tag = /** @type {"p"} */ (/** @type {Record<string, string>} */ (TAGS)[kind] ?? kind);
  if (kind === "code") return new Code(tools.load, tools.scrolls);
  if (kind === "math") return new Formula(tools);
  if (kind === "rule") return new Rule();
  if (kind === "table") return new Table(tools);
  if (block.type === "row") return new Row(kind, tools);
  if (block.type === "paragraph" || block.type === "heading") return new Words(kind, h(tag, ""), tools);
  return new Branch(kind, h(tag, ""), tools);
}
