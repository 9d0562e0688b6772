import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, mock, test } from "node:test";
import fc from "fast-check";
import { Lexer } from "marked";
import { ANSWERS } from "./markdown/answers.js";
import { html, page, whole, window } from "./markdown_tools.js";
import { generator } from "./tools.js";

/** Show a text in these pieces. @param {string[]} pieces */
function streamed(pieces) {
  const { element, markdown } = page();
  /** @type {string[]} */
  const chunks = [];
  for (const piece of pieces) {
    chunks.push(piece);
    markdown.show(chunks);
  }
  markdown.end();
  return element;
}

/** @param {string} text @param {number} seed */
function cutAtRandom(text, seed) {
  const random = generator(seed);
  const pieces = [];
  for (let from = 0; from < text.length;) {
    const to = from + 1 + Math.floor(random() * 9);
    pieces.push(text.slice(from, to));
    from = to;
  }
  return pieces;
}

describe("in pieces, the end is that of the whole at once", () => {
  for (const [i, answer] of ANSWERS.entries()) {
    const expected = whole(answer).innerHTML;

    test(`answer ${i}, character by character and in random pieces`, () => {
      assert.equal(streamed([...Array(answer.length).keys()].map((at) => answer[at])).innerHTML, expected);
      for (let seed = 0; seed < 5; seed++) assert.equal(streamed(cutAtRandom(answer, seed)).innerHTML, expected);
    });

    test(`answer ${i}, cut in two anywhere`, () => {
      for (let at = 1; at < answer.length; at++)
        assert.equal(streamed([answer.slice(0, at), answer.slice(at)]).innerHTML, expected, `cut at ${at}`);
    });

    test(`answer ${i}, ended anywhere, is the whole of what came`, () => {
      for (let at = 1; at < answer.length; at += 7) {
        const said = answer.slice(0, at);
        assert.equal(streamed(cutAtRandom(said, at)).innerHTML, whole(said).innerHTML, `ended at ${at}`);
      }
    });
  }

  test("whatever is written", () => {
    const part = fc.constantFrom(
      ..."* ** _ ` `` ``` ~~ ~~~ # ## > - 1. 2) | |-|-| [ ] ]( ]: ![ ) < > & ; $ $$ \\( \\) \\[ \\] \\ = --- *** a b c: 1 x.y".split(" "),
      ..." ;  ;    ;\n;\n\n;\t;\r\n;\r;https://e.x/;[a]: http://e.x/\n;[a];| a | b |\n|---|---|\n;\ud83d\ude00;&#8238;&lt;\n- ;\n  - ;\n> ".split(
        ";",
      ),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        assert.equal(streamed(parts).innerHTML, whole(parts.join("")).innerHTML);
      }),
      { numRuns: 1000, seed: 1 },
    );
  });
});

const FIXTURES = process.env.TOKENWIDGETS_FIXTURES ?? "../../shared/fixtures";
const RECORDED = `${FIXTURES}/deepseek/azure-reasoning.v4-pro.jsonl`;

test("a recorded answer, in its own chunks", { skip: !existsSync(RECORDED) }, () => {
  const frames = readFileSync(RECORDED, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line.replace(/^data: /, "")));
  const chunks = frames.map(({ choices }) => choices?.[0]?.delta?.content ?? "").filter(Boolean);
  assert.ok(chunks.length > 100);
  assert.equal(streamed(chunks).innerHTML, whole(chunks.join("")).innerHTML);
});

describe("CommonMark's own examples", () => {
  const { tests } = createRequire(import.meta.url)("commonmark-spec");
  const NOT_OURS = new Set(["HTML blocks", "Raw HTML", "Images"]); // HTML is text, images are links
  const DIFFERENT = new Set([
    ...[12, 14], // backslashes and brackets are a formula
    ...[20, 23, 202, 603], // backslashes in addresses, which browsers turn into slashes
    25, // entities that no model writes
    540, // labels that differ by ß and SS
  ]);
  const BLOCKS = new Set(
    "Tabs,Precedence,Thematic breaks,ATX headings,Setext headings,Indented code blocks,Fenced code blocks,Paragraphs,Blank lines,Block quotes,List items,Lists".split(
      ",",
    ),
  );

  /** Relative addresses are no links here: let them be absolute. @param {string} text */
  const absolute = (text) => text.replace(/(?<=[("<: \]]|^)\/(url\d?|uri|bar|foo|train|my uri)/gm, "http://e.x/$1").replaceAll("→", "\t");
  /** @param {string} text */
  const plain = (text) =>
    text
      .replace(/<pre><code[^>]*>/g, "<pre><code>")
      .replace(/ title="[^"]*"/g, "")
      .replace(/\n*(<\/?(?:p|ul|ol|li|blockquote|pre|h\d|hr \/)[^>]*>)\n*/g, "$1")
      .replace(/\n?(<br \/>)\n?/g, "$1")
      .replace(/ \n/g, "\n")
      .trim();

  for (const { markdown, html: expected, section, number } of tests) {
    const written = absolute(expected).replace(/\n<\/code><\/pre>/g, "</code></pre>");
    if (NOT_OURS.has(section) || DIFFERENT.has(number) || !comparable(absolute(markdown), written)) continue;
    test(`${section} ${number}`, () => assert.equal(plain(html(whole(absolute(markdown)))), plain(written)));
  }

  test("those of blocks are all compared but the few with HTML", () => {
    const left = tests.filter(
      (/** @type {any} */ one) => BLOCKS.has(one.section) && !comparable(absolute(one.markdown), absolute(one.html)),
    );
    assert.deepEqual(
      left.map((/** @type {any} */ one) => one.number),
      [308, 309],
    );
  });

  /** Without HTML, addresses that are none, and addresses in plain text, which are links in GitHub's dialect. @param {string} markdown @param {string} expected */
  function comparable(markdown, expected) {
    const tags = expected.replace(
      /<\/?(?:p|ul|ol|li|blockquote|pre|code|h\d|hr|br|em|strong)(?: (?:start|class)="[^"]*")?(?: \/)?>|<a href="(?:http:\/\/e\.x\/|mailto:)[^"%\\]*"(?: title="[^"]*")?>|<\/a>/g,
      "",
    );
    const addresses = (/** @type {string} */ text) => (text.match(/https?:\/\/|@/g) ?? []).length;
    const linked = expected.replace(/<a [^>]*>.*?<\/a>/gs, "");
    return !/<\S/.test(tags) && addresses(linked) === 0 && !/\]\(\)|\]:\s*<>/.test(markdown);
  }
});

describe("what is shown while it is written", () => {
  /** @param {...string} chunks */
  function partial(...chunks) {
    const { element, markdown } = page();
    markdown.show(chunks);
    return html(element).replaceAll("\n", "");
  }

  for (const [said, shown] of [
    ["a **bo", "<p>a <strong>bo</strong></p>"],
    ["a **bold*", "<p>a <strong>bold</strong></p>"],
    ["a **", "<p>a</p>"],
    ["a *b **c", "<p>a <em>b <strong>c</strong></em></p>"],
    ["use `pri", "<p>use <code>pri</code></p>"],
    ["see [the do", "<p>see the do</p>"],
    ["see [the docs](https://exa", "<p>see the docs</p>"],
    ["see ![a pic](https://exa", "<p>see a pic</p>"],
    ["x[1", "<p>x[1</p>"],
    ["a\n-", "<p>a</p>"],
    ["a\n\n``", "<p>a</p>"],
    ["| a | b", "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody></tbody></table>"],
    ["| a | b |\n|--", "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody></tbody></table>"],
    ["```js\nlet a\n``", "<pre><code>let a</code></pre>"],
    ["- a\n- **b", "<ul><li>a</li><li><strong>b</strong></li></ul>"],
  ])
    test(JSON.stringify(said), () => assert.equal(partial(said), shown));

  test("nodes that stay the same are the same nodes", () => {
    const { element, markdown } = page();
    markdown.show(["One **two** thr"]);
    const [words, bold, rest] = element.querySelector("p")?.childNodes ?? [];
    markdown.show(["One **two** thr", "ee, four\nfi"]);
    assert.deepEqual([...(element.querySelector("p")?.childNodes ?? [])], [words, bold, rest]);
  });

  test("a reference is a link as soon as its definition is there, wherever it stands", () => {
    const { element, markdown } = page();
    markdown.show(["See [the docs] and [more][m].\n\n", "[the docs]: https://example.com/\n\n"]);
    assert.equal(element.querySelectorAll("a").length, 1);
    markdown.show(["", "", "[m]: <https://example.com/m>\n"]);
    markdown.end();
    assert.deepEqual(
      [...element.querySelectorAll("a")].map((a) => a.href),
      ["https://example.com/", "https://example.com/m"],
    );
  });

  test("what was added is given back", () => {
    const { markdown } = page();
    assert.equal(markdown.show(["a", "b"]), "ab");
    assert.equal(markdown.show(["a", "b"]), "");
    assert.equal(markdown.show(["a", "b", "c"]), "c");
  });
});

test("money is no math", () => {
  const element = whole("from $5 to $9, US$4 and US$ 5, $3.50/$4, but $x$ and \\(y\\)");
  assert.deepEqual(
    [...element.querySelectorAll(".tw-md-math")].map((one) => one.textContent),
    ["x", "y"],
  );
});

describe("a token at the end of a long answer costs no more than one at its beginning", () => {
  const paragraph = "A paragraph with **bold** words, `code` and a [link](https://example.com).\n\n";
  const GIANTS = {
    paragraphs: () => paragraph,
    "one list": (/** @type {number} */ i) => `- item ${i} with **bold** words\n`,
    "one numbered list with nested ones": (/** @type {number} */ i) => `${i + 1}. item\n   - nested *item*\n`,
    "one table": (/** @type {number} */ i) => (i ? `| ${i} | some **words** |\n` : "| a | b |\n|---|---|\n"),
    "one block of code": (/** @type {number} */ i) => (i ? `    value_${i} = compute(${i})\n` : "```python\n"),
    "one quote": (/** @type {number} */ i) => `> line ${i}\n>\n`,
  };
  const TOKENS = 20_000;

  for (const [name, part] of Object.entries(GIANTS)) {
    test(name, () => {
      const text = Array.from({ length: 5000 }, (_, i) => part(i))
        .join("")
        .slice(0, TOKENS * 4);
      const { element, markdown } = page();
      const lexed = mock.method(Lexer.prototype, "inlineTokens");
      const changes = new window.MutationObserver(() => {});
      changes.observe(element, { subtree: true, childList: true, characterData: true, attributes: true });
      /** @type {string[]} */
      const chunks = [];
      /** @param {number} to */
      const cost = (to) => {
        lexed.mock.resetCalls();
        while (chunks.length < to) {
          chunks.push(text.slice(chunks.length * 4, chunks.length * 4 + 4));
          markdown.show(chunks);
        }
        const parsed = lexed.mock.calls.reduce((sum, { arguments: [source] }) => sum + source.length, 0);
        return { parsed, changed: changes.takeRecords().length };
      };
      cost(1000);
      const early = cost(2000);
      cost(Math.floor(text.length / 4) - 1000);
      const late = cost(Math.floor(text.length / 4));
      lexed.mock.restore();
      changes.disconnect();
      assert.ok(late.parsed <= early.parsed * 1.3, `parsed ${early.parsed}, then ${late.parsed} characters`);
      assert.ok(late.changed <= early.changed * 1.3, `changed ${early.changed}, then ${late.changed} nodes`);
      assert.ok(early.changed > 0);
    });
  }
});
