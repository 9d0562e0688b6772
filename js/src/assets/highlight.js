// Colours of code, by highlight.js: it tells what is what, and its tree becomes spans with classes of ours.

import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import julia from "highlight.js/lib/languages/julia";
import kotlin from "highlight.js/lib/languages/kotlin";
import latex from "highlight.js/lib/languages/latex";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import shell from "highlight.js/lib/languages/shell";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";

/** @import { RootContent } from "hast" */

const lowlight = createLowlight({
  bash,
  c,
  cpp,
  csharp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  julia,
  kotlin,
  latex,
  markdown,
  python,
  r,
  ruby,
  rust,
  shell,
  sql,
  swift,
  typescript,
  xml,
  yaml,
});

/**
 * @param {string} text
 * @param {string} language as it stands at the fence
 * @returns {DocumentFragment | null} the same text; nothing for a language that is not known
 */
export default function highlight(text, language) {
  const name = language.toLowerCase();
  if (!lowlight.registered(name)) return null;
  const made = document.createDocumentFragment();
  made.append(...lowlight.highlight(name, text, { prefix: "tw-hl-" }).children.map(node));
  return made;
}

/** @param {RootContent} content @returns {Node} */
function node(content) {
  if (content.type !== "element") return document.createTextNode(content.type === "text" ? content.value : "");
  const span = document.createElement("span");
  span.className = /** @type {string[]} */ (content.properties.className ?? []).join(" ");
  span.append(...content.children.map(node));
  return span;
}
