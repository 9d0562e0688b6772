// Pieces to nodes, by the fewest changes: what is there already stays, so that a selection in it stays too.

import { h } from "../dom.js";

/** @import { Element as Made, Piece } from "./inline.js" */
/** @import { Formulas } from "./formula.js" */

/**
 * Make an element hold these pieces.
 * @param {HTMLElement} parent
 * @param {Piece[]} pieces
 * @param {Formulas} formulas
 */
export function patch(parent, pieces, formulas) {
  pieces.forEach((piece, i) => {
    const old = parent.childNodes[i];
    if (typeof piece === "string") words(parent, old, piece);
    else if (piece.tag === "math") math(parent, old, piece, formulas);
    else element(parent, old, piece, formulas);
  });
  while (parent.childNodes.length > pieces.length) parent.lastChild?.remove();
}

/**
 * Text that mostly grows at its end.
 * @param {Text} node
 * @param {string} text
 */
export function write(node, text) {
  if (!text.startsWith(node.data)) node.data = text;
  else if (text.length > node.length) node.appendData(text.slice(node.length));
}

/** @param {HTMLElement} parent @param {ChildNode | undefined} old @param {string} text */
function words(parent, old, text) {
  if (old?.nodeType === Node.TEXT_NODE) write(/** @type {Text} */ (old), text);
  else put(parent, old, document.createTextNode(text));
}

/** @param {HTMLElement} parent @param {ChildNode | undefined} old @param {Made} piece @param {Formulas} formulas */
function math(parent, old, piece, formulas) {
  const shown = /** @type {HTMLElement | undefined} */ (old);
  if (shown && formulas.shows(shown, piece.text, piece.on)) return;
  put(parent, old, formulas.make(piece.text, piece.on));
}

/** @param {HTMLElement} parent @param {ChildNode | undefined} old @param {Made} piece @param {Formulas} formulas */
function element(parent, old, { tag, href, on, pieces }, formulas) {
  const same = old?.nodeName.toLowerCase() === tag && !formulas.has(old);
  const made = same ? /** @type {HTMLElement} */ (old) : put(parent, old, h(/** @type {keyof HTMLElementTagNameMap} */ (tag), ""));
  if (tag === "a") link(/** @type {HTMLAnchorElement} */ (made), href);
  if (tag === "input") box(/** @type {HTMLInputElement} */ (made), on);
  patch(made, pieces, formulas);
}

/** The real address shows on hover. @param {HTMLAnchorElement} made @param {string} href */
function link(made, href) {
  if (made.getAttribute("href") === href) return;
  made.href = href;
  made.title = href;
  made.rel = "noopener noreferrer";
  made.target = "_blank";
}

/** @param {HTMLInputElement} made @param {boolean} done */
function box(made, done) {
  made.type = "checkbox";
  made.disabled = true;
  made.checked = done;
  made.setAttribute("aria-label", done ? "Done" : "To do");
}

/**
 * @template {ChildNode} T
 * @param {HTMLElement} parent
 * @param {ChildNode | undefined} old
 * @param {T} made
 */
function put(parent, old, made) {
  if (old) old.replaceWith(made);
  else parent.append(made);
  return made;
}
