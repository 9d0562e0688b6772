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

/** A grammar is built when its language first comes: to build all of them would hold up the page for longer than a frame. */
const GRAMMARS = {
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
};

/** Other names, as the grammars give them. @type {Record<string, keyof typeof GRAMMARS>} */
export const ALIASES = {
  sh: "bash",
  zsh: "bash",
  h: "c",
  cc: "cpp",
  "c++": "cpp",
  "h++": "cpp",
  hpp: "cpp",
  hh: "cpp",
  hxx: "cpp",
  cxx: "cpp",
  cs: "csharp",
  "c#": "csharp",
  patch: "diff",
  docker: "dockerfile",
  golang: "go",
  toml: "ini",
  jsp: "java",
  js: "javascript",
  jsx: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  jsonc: "json",
  json5: "json",
  kt: "kotlin",
  kts: "kotlin",
  tex: "latex",
  md: "markdown",
  mkdown: "markdown",
  mkd: "markdown",
  py: "python",
  gyp: "python",
  ipython: "python",
  rb: "ruby",
  gemspec: "ruby",
  podspec: "ruby",
  thor: "ruby",
  irb: "ruby",
  rs: "rust",
  console: "shell",
  shellsession: "shell",
  ts: "typescript",
  tsx: "typescript",
  mts: "typescript",
  cts: "typescript",
  html: "xml",
  xhtml: "xml",
  rss: "xml",
  atom: "xml",
  xjb: "xml",
  xsd: "xml",
  xsl: "xml",
  plist: "xml",
  wsf: "xml",
  svg: "xml",
  yml: "yaml",
};

/** Languages that stand inside another. @type {Partial<Record<string, (keyof typeof GRAMMARS)[]>>} */
const INSIDE = {
  dockerfile: ["bash"],
  javascript: ["xml", "css"],
  markdown: ["xml"],
  shell: ["bash"],
  typescript: ["xml", "css"],
  xml: ["css", "javascript"],
  yaml: ["ruby"],
};

const lowlight = createLowlight();

/**
 * @param {string} text
 * @param {string} language as it stands at the fence
 * @returns {DocumentFragment | null} the same text; nothing for a language that is not known
 */
export default function highlight(text, language) {
  const given = language.toLowerCase();
  const name = Object.hasOwn(ALIASES, given) ? ALIASES[given] : given;
  if (!known(name)) return null;
  const made = document.createDocumentFragment();
  made.append(...lowlight.highlight(name, text, { prefix: "tw-hl-" }).children.map(node));
  return made;
}

/**
 * Whether there is a grammar of that name, which is then ready.
 * @param {string} name
 * @returns {name is keyof typeof GRAMMARS}
 */
function known(name) {
  if (!Object.hasOwn(GRAMMARS, name)) return false;
  if (lowlight.registered(name)) return true;
  lowlight.register({ [name]: GRAMMARS[/** @type {keyof typeof GRAMMARS} */ (name)] });
  return (INSIDE[name] ?? []).every(known);
}

/** @param {RootContent} content @returns {Node} */
function node(content) {
  if (content.type !== "element") return document.createTextNode(content.type === "text" ? content.value : "");
  const span = document.createElement("span");
  span.className = /** @type {string[]} */ (content.properties.className ?? []).join(" ");
  span.append(...content.children.map(node));
  return span;
}
