import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { DEPTH } from "../src/lib/markdown/opens.js";
import { COLUMNS } from "../src/lib/markdown/table.js";
import { page, whole } from "./markdown_tools.js";

// What text may become: each element with the attributes that are ours, or checked.
const ELEMENTS = /** @type {Record<string, string[]>} */ ({
  a: ["href", "title", "rel", "target"],
  blockquote: [],
  br: [],
  del: [],
  em: [],
  hr: [],
  li: [],
  p: [],
  strong: [],
  tbody: [],
  thead: [],
  tr: [],
  table: [],
  h1: [],
  h2: [],
  h3: [],
  h4: [],
  h5: [],
  h6: [],
  code: [],
  span: ["class"],
  div: ["class", "role", "aria-label"],
  pre: ["role", "aria-label"],
  button: ["class", "type", "title", "data-lm-suppress-shortcuts"],
  input: ["type", "disabled", "aria-label"],
  ol: ["start", "class"],
  ul: ["class"],
  th: ["scope", "style"],
  td: ["style"],
});

/** @param {HTMLElement} root */
function check(root) {
  for (const element of root.querySelectorAll("*")) {
    const allowed = ELEMENTS[element.localName];
    assert.ok(allowed && element.namespaceURI === "http://www.w3.org/1999/xhtml", `no <${element.localName}>`);
    for (const { name, value } of element.attributes) {
      const harmless = allowed.includes(name) || (name === "class" && value === "");
      assert.ok(harmless, `no ${name} of <${element.localName}>`);
      if (name === "class") assert.match(value, /^(?:tw-[a-z-]+ ?)*$/);
      if (name === "style") assert.match(value, /^(?:text-align: (?:left|right|center);)?$/);
      if (name === "start") assert.match(value, /^\d+$/);
      if (name === "href") assert.match(value, /^(?:https?:\/\/|mailto:)/);
      if (name === "rel") assert.equal(value, "noopener noreferrer");
    }
    if (element.localName === "a") assert.equal(element.getAttribute("title"), element.getAttribute("href"));
    if (element.localName === "a") assert.equal(element.getAttribute("rel"), "noopener noreferrer");
  }
  assert.doesNotMatch(root.textContent ?? "", /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
}

const HOSTILE = [
  "<script>alert(1)</script>\n\n<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
  '<img src=x onerror=alert(1)>\n\n![x](https://evil.example/a.png "onerror=alert(1)")\n\n![x](x" onerror="alert(1))',
  '<svg/onload=alert(1)><svg><script>alert(1)</script></svg><math><mi//xlink:href="data:x,<script>">',
  '<a href="javascript:alert(1)" data-commandlinker-command="terminal:create-new" data-commandlinker-args=\'{}\'>click</a>',
  "<button data-commandlinker-command='notebook:run-all'>run</button><form action=//evil.example><input name=x autofocus onfocus=alert(1)>",
  "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c]( javascript:alert(1) ) [d](java\tscript:alert(1)) [e](<java\nscript:alert(1)>)",
  "[a](&#106;avascript:alert(1)) [b](&#x6A;avascript&colon;alert(1)) [c](javascript&#58;alert(1)) [d](\\javascript:alert(1)) [e](&#1;javascript:1)",
  "[a](data:text/html;base64,PHNjcmlwdD4=) [b](vbscript:msgbox) [c](file:///etc/passwd) [d](blob:http://x/y) [e](//evil.example) [f](/lab) [g](#x)",
  '<javascript:alert(1)> <data:text/html,x> <vbscript:x> <http://ok.example/"onclick=alert(1)>',
  "[r]: javascript:alert(1)\n[s]: data:text/html,x 'title'\n[t]: /lab\n\n[r] [x][s] ![t]",
  "[__proto__]: https://e.x/\n\n[__proto__] [constructor] [toString][] [hasOwnProperty] &constructor; &toString;",
  "<!-- comment --><![CDATA[ <x> ]]><?php echo 1 ?><!DOCTYPE html><style>*{display:none}</style><base href=//evil.example>",
  '```js" onclick="alert(1)\n</code></pre><script>alert(1)</script>\n```\n~~~<img src=x onerror=alert(1)>\nx\n~~~',
  "| <img src=x onerror=alert(1)> | `</td><script>` |\n|:--|--:|\n| [x](javascript:1) | <iframe src=//evil.example> |",
  "# <h1 id=x name=cookie class=jp-x style=position:fixed>\n\nText {#id .class onclick=alert(1)}\n===",
  "bidi \u202e\u2066\u2069 and &#x202E; &#8238; controls \u0000\u0007\u001b[31m \u009b &#27; &#0; zero\u200bwidth \ufeff lone \ud800 \udc00",
  "$\\href{javascript:alert(1)}{x}$ $\\includegraphics{https://evil.example/x.png}$\n\n$$\n\\htmlData{x=y}{<img src=x>}\n$$",
  "[![x](https://evil.example/a.png)](javascript:alert(1)) [![y](javascript:1)](https://ok.example/)",
  'https://ok.example/"><script>alert(1)</script> www.x"onmouseover=alert(1) a@b.c"><img>',
  "**[_`<x>`_](javascript:1)**\n> - 1. # <script>\n>   ~~[x](http://[::1]:99999999/)~~ [y](http://user:pass@e.x/)",
];

describe("hostile Markdown is text, at every prefix", () => {
  for (const [i, text] of HOSTILE.entries()) {
    test(`${i}: ${JSON.stringify(text.slice(0, 40))}`, () => {
      const { element, markdown } = page();
      const chunks = [];
      for (let at = 0; at < text.length; at++) {
        chunks.push(text[at]);
        markdown.show(chunks);
        check(element);
      }
      markdown.end();
      check(element);
      for (let at = 1; at < text.length; at += 3) check(whole(text.slice(0, at)));
    });
  }

  test("and whatever is written", () => {
    const part = fc.oneof(
      fc.constantFrom(...HOSTILE.flatMap((text) => text.split(/(?<=[\s\](){}<>])/))),
      fc.string({ unit: "binary", maxLength: 5 }),
    );
    const property = fc.property(fc.array(part, { maxLength: 40 }), (parts) => check(whole(parts.join(""))));
    fc.assert(property, { numRuns: 1500, seed: 2 });
  });
});

test("what is no link and no element keeps its text", () => {
  for (const text of [
    "<script>alert(1)</script>",
    "[a](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "[r]: javascript:alert(1)",
    "<!-- c -->",
  ])
    assert.equal(whole(text).textContent, text);
  assert.equal(whole("&constructor; &lt; &amp;lt;").textContent, "&constructor; < &lt;");
  assert.equal(whole("![a chart](https://e.x/c.png)").textContent, "a chart");
  assert.equal(whole("![](https://e.x/c.png)").textContent, "https://e.x/c.png");
});

test("no words are lost, whatever stands around them", () => {
  const words = fc.array(
    fc.constantFrom("alpha", "beta", "<b>", "| gamma |", "**", "- ", "\n", "\n\n", "> ", "`", "$", "# ", " ", "|-|\n", "~~", "delta"),
    { maxLength: 40 },
  );
  const said = (/** @type {string | null} */ text) => (text ?? "").match(/alpha|beta|gamma|delta/g) ?? [];
  fc.assert(
    fc.property(words, (parts) => {
      const shown = [...whole(parts.join("")).querySelectorAll("*")]
        .flatMap(({ childNodes }) => [...childNodes])
        .filter(({ nodeType }) => nodeType === 3);
      const text = shown.map(({ textContent }) => textContent).join("");
      assert.deepEqual(said(text).sort(), said(parts.join("")).sort());
    }),
    { numRuns: 1000, seed: 3 },
  );
});

describe("what can grow has an end", () => {
  /** How deep elements stand in others. @param {Element} element @returns {number} */
  const deep = (element) => 1 + Math.max(0, ...[...element.children].map(deep));

  for (const [name, text] of Object.entries({
    quotes: "> ".repeat(5000) + "x",
    lists: "- ".repeat(5000) + "x",
    "growing lists": Array.from({ length: 300 }, (_, i) => `${"  ".repeat(i)}- x`).join("\n"),
    emphasis: "*a **b ".repeat(1000) + "** *".repeat(1000),
    brackets: "[".repeat(20_000) + "]".repeat(20_000),
    links: "[a](".repeat(5000),
  }))
    test(`deep ${name}`, () => assert.ok(deep(whole(text)) < 2 * DEPTH + 20));

  test("columns of a table", () => {
    const row = (/** @type {number} */ n) => `|${"a|".repeat(n)}`;
    assert.equal(whole(`${row(500)}\n|${"-|".repeat(500)}`).querySelector("table"), null);
    const shown = whole(`|a|b|\n|-|-|\n${row(500)}`);
    assert.equal(shown.querySelectorAll("td").length, COLUMNS);
    assert.equal(shown.querySelector("td:last-child")?.textContent, "a|".repeat(500 - COLUMNS + 1));
  });

  // Each takes forever where a pattern looks again at what it has seen.
  for (const piece of [
    "a ",
    " ",
    "\t",
    "#",
    "# ",
    "`",
    "``` ",
    "*",
    "_a",
    "a_",
    "a*",
    "~",
    "[",
    "]",
    "](",
    "[a](",
    "<",
    "<a ",
    "&",
    "|",
    "|-",
    "-",
    ": ",
    "$",
    "\\(",
    "\\[",
    "\\",
    "![",
    "(",
    '"',
    "https://",
    "www.",
    "a@",
    "a.",
    "!",
    "> ",
    "1. ",
    "[x]: ",
    "=",
    "\n",
    "a\n",
    "|\n",
    "- \n",
    "&#",
    "\r",
  ])
    test(`much of ${JSON.stringify(piece)}`, { timeout: 20_000 }, () => {
      const text = piece.repeat((piece.includes("\n") ? 10_000 : 100_000) / piece.length);
      check(whole(text));
      check(whole(`x${text}y\n${text}`));
      check(whole(`[x]: ${text}y`));
    });
});
