import assert from "node:assert/strict";
import { describe, test } from "node:test";
import hljs from "highlight.js/lib/core";
import highlight, { ALIASES } from "../src/assets/highlight.js";
import setFormula from "../src/assets/math.js";
import { page, whole, window } from "./markdown_tools.js";
import { settled } from "./tools.js";

/** @type {import("../src/lib/assets.js").Load} */
const load = async (name) => ({ highlight, math: setFormula })[name];
const PYTHON = 'def f(x: int) -> str:\n    return f"<b>{x}</b>"  # no markup\n';

describe("code", () => {
  test("is known by every name that its grammar has", async () => {
    /** @type {Record<string, string>} */
    const given = {};
    for (const name of new Set(Object.values(ALIASES))) {
      const grammar = (await import(`highlight.js/lib/languages/${name}`)).default(hljs);
      for (const alias of grammar.aliases) given[alias] = name;
    }
    assert.deepEqual({ ...ALIASES }, given);
  });

  test("in another language is coloured too", () => {
    const fragment = /** @type {DocumentFragment} */ (highlight("<style>a { color: red }</style><script>let x = 1</script>", "html"));
    const classes = [...fragment.querySelectorAll("span")].map((span) => span.className);
    assert(classes.includes("tw-hl-attribute") && classes.includes("tw-hl-keyword"));
  });

  test("is coloured when it has ended, not before, and says the same", async () => {
    const { element, markdown } = page({ load });
    markdown.show([`\`\`\`python\n${PYTHON}`]);
    await settled();
    assert.equal(element.querySelector(".tw-hl-keyword"), null);
    markdown.show([`\`\`\`python\n${PYTHON}`, "```\n"]);
    await settled();
    assert.equal(element.querySelector(".tw-hl-keyword")?.textContent, "def");
    assert.equal(element.querySelector("code")?.textContent, PYTHON.trimEnd());
    for (const one of element.querySelectorAll("code *"))
      assert.match(`${one.localName}.${one.className}`, /^span\.(?:tw-hl-[\w-]+_?|language-\w+)(?: [\w-]+_?)*$/);
  });

  test("is as it was where the language is not known, is too long or where nothing can be loaded", async () => {
    const failing = async () => {
      throw new Error("no route");
    };
    const texts = [
      ["```klingon\nx = 1\n```", load],
      [`\`\`\`js\n${"x = 1\n".repeat(20_000)}\`\`\``, load],
      ["```js\nvar x\n```", failing],
      ["```js\nvar x\n```", undefined],
    ];
    for (const [text, from] of /** @type {[string, any][]} */ (texts)) {
      const element = whole(text, { load: from });
      await settled();
      assert.equal(element.querySelector("[class^=tw-hl]"), null);
      assert.match(text, new RegExp(element.querySelector("code")?.textContent?.slice(0, 20) ?? "none"));
    }
  });

  test("that a part would change stays as it is", async () => {
    const element = whole("```js\nvar x\n```", { load: async () => () => window.document.createTextNode("var y") });
    await settled();
    assert.equal(element.querySelector("code")?.textContent, "var x");
  });

  test("is copied whole", async () => {
    /** @type {string[]} */
    const copied = [];
    Object.defineProperty(globalThis, "navigator", {
      configurable: true,
      value: { clipboard: { writeText: async (/** @type {string} */ text) => void copied.push(text) } },
    });
    const code = "line\n".repeat(1000).trimEnd();
    const element = whole(`\`\`\`\n${code}\n\`\`\``);
    element.querySelector("button")?.click();
    await settled();
    assert.deepEqual(copied, [code]);
    assert.equal(element.querySelector("button")?.textContent, "Copied");
    element.querySelector("button")?.dispatchEvent(new window.Event("blur"));
    assert.equal(element.querySelector("button")?.textContent, "Copy");
  });

  test("is copied from a selection where a page may not write to the clipboard", async () => {
    Object.defineProperty(globalThis, "navigator", { configurable: true, value: {} });
    const element = whole("```\na\n  b\n```");
    let selected = "";
    window.document.execCommand = () => ((selected = window.getSelection()?.toString() ?? ""), true);
    element.querySelector("button")?.click();
    await settled();
    assert.equal(selected, "a\n  b");
    assert.equal(element.querySelector("button")?.textContent, "Copied");
  });
});

describe("formulas", () => {
  test("are MathML, within a line and on lines of their own", async () => {
    const element = whole("so $x^2$ and\n\n$$\n\\frac{a}{b}\n$$\n", { load });
    await settled();
    const [small, large] = element.querySelectorAll("math");
    assert.equal(small.getAttribute("display"), null);
    assert.equal(large.getAttribute("display"), "block");
    assert.ok(large.querySelector("mfrac"));
  });

  test("stand as their source until they can be set, and where they cannot", async () => {
    const text = "a $\\frac{1}{2}$ b $\\nonsense{$ c";
    const element = whole(text, { load });
    assert.deepEqual(
      [...element.querySelectorAll("code")].map((one) => one.textContent),
      ["\\frac{1}{2}", "\\nonsense{"],
    );
    await settled();
    assert.deepEqual(
      [...element.querySelectorAll("code")].map((one) => one.textContent),
      ["\\nonsense{"],
    );
    assert.equal(whole(text).querySelectorAll("code").length, 2);
  });

  test("that were set are not set again while the line goes on", async () => {
    const { element, markdown } = page({ load });
    const chunks = ["so $x^2$ is"];
    markdown.show(chunks);
    await settled();
    const set = element.querySelector("math");
    chunks.push(" a *square*, and $y$");
    markdown.show(chunks);
    assert.equal(element.querySelector("math"), set);
  });

  for (const source of [
    "\\href{javascript:alert(1)}{x}",
    "\\url{https://evil.example}",
    "\\includegraphics{https://evil.example/x.png}",
    "\\htmlData{commandlinker-command=x}{y}",
    "\\class{jp-x}{y}",
    "\\id{x}{y}",
    "\\style{position:fixed}{y}",
    "\\htmlClass{a}{b}",
    "\\def\\x{\\x\\x}\\x",
    "\\text{<img src=x onerror=alert(1)>}",
    "\\color{red;background:url(https://evil.example)}x",
    "\\rule{9999em}{9999em}",
    "x".repeat(100) + "_{".repeat(3000),
  ])
    test(`fetch nothing and reach nothing: ${source.slice(0, 40)}`, async () => {
      const element = whole(`$${source}$`, { load });
      await settled();
      for (const one of element.querySelectorAll("math *")) {
        assert.equal(one.namespaceURI, "http://www.w3.org/1998/Math/MathML");
        for (const { name, value } of one.attributes) {
          assert.doesNotMatch(name, /^(?:on|href|src|id|data)/);
          assert.doesNotMatch(value, /url|javascript|position|jp-x|\d{4}/);
        }
      }
    });
});
