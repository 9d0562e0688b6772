// What the tests of Markdown need: a page, a renderer in it, what it shows as plain HTML.

import { JSDOM } from "jsdom";
import { Markdown } from "../src/lib/markdown.js";

export const { window } = new JSDOM("<!doctype html>", { url: "http://localhost/" });
const { document, Node, getSelection } = /** @type {any} */ (window);
Object.assign(globalThis, { document, Node, getSelection });

// A browser's MathML has a style, jsdom's has none.
Object.defineProperty(window.Element.prototype, "style", { configurable: true, value: {} });

/** @import { Load } from "../src/lib/assets.js" */

/** A renderer and its element. @param {{load?: Load}} [options] */
export function page(options) {
  const element = document.createElement("div");
  document.body.replaceChildren(element);
  return { element: /** @type {HTMLElement} */ (element), markdown: new Markdown(element, options) };
}

/** The whole text at once. @param {string} text @param {{load?: Load}} [options] */
export function whole(text, options) {
  const { element, markdown } = page(options);
  markdown.show([text]);
  markdown.end();
  return element;
}

/**
 * The elements as the CommonMark specification writes them: code without its head, items of tight lists without paragraphs.
 * @param {Node} node
 * @returns {string}
 */
export function html(node) {
  if (node.nodeType === 3) return escaped(/** @type {Text} */ (node).data);
  const element = /** @type {HTMLElement} */ (node);
  const inner = [...element.childNodes].map(html).join("");
  const tag = element.localName;
  if (element.className === "tw-md-code") return `<pre>${html(/** @type {Node} */ (element.querySelector("code")))}</pre>`;
  if (tag === "div" || tag === "span" || (tag === "p" && (!inner || tight(element)))) return inner;
  if (tag === "br" || tag === "hr") return `<${tag} />`;
  const href = element.getAttribute("href");
  const start = element.getAttribute("start");
  return `<${tag}${href ? ` href="${escaped(href)}"` : ""}${start ? ` start="${start}"` : ""}>${inner}</${tag}>`;
}

/** @param {HTMLElement} paragraph */
function tight({ parentElement: item }) {
  return item?.localName === "li" && !item.parentElement?.classList.contains("tw-md-loose");
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
