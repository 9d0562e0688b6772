// Markdown that is being written, drawn block by block: what has ended is not parsed, drawn or laid out again, and the whole text
// at once gives the same as its pieces. Nothing here parses HTML: elements come from a short list of ours, all text goes in as text.

import { Blocks } from "./markdown/blocks.js";
import { Cleaner } from "./markdown/text.js";
import { Branch, Tools } from "./markdown/views.js";

/** @import { Load } from "./assets.js" */

/** A line of marks only, which the next character makes a list, a rule, a fence, a table or a heading: it waits for that character. */
const UNDECIDED = /^[-+*_=#~`|:\\$[> \t]*(?:\d{1,9}[.)]?)?$/;

/** Of everything a little. */
const SAMPLE = "# a\n\nb **c** *d* `e` [f](g) $h$ i\n\n- j\n  - k\n\n1. l\n\n> m\n\n```js\nn\n```\n\n| o |\n|---|\n| p |\n\nq";

let warm = false;

/** Have the browser compile what draws Markdown while the page has nothing else to do: the first words of an answer need not wait for it. */
export function warmUp() {
  if (warm) return;
  warm = true;
  globalThis.requestIdleCallback?.(() => {
    // And in letters beyond Latin 1, for which V8 compiles every regular expression once more.
    const pieces = `${SAMPLE}\n\n${SAMPLE.replace(/\b[a-q]\b/g, "λ")}`.match(/[^]{1,8}/g) ?? [];
    showBitByBit(new Markdown(document.createElement("div")), pieces, 1);
  });
}

/** One piece more at each idle moment: all at once would hold up the page. @param {Markdown} sample @param {string[]} pieces @param {number} shown */
function showBitByBit(sample, pieces, shown) {
  sample.show(pieces.slice(0, shown));
  if (shown < pieces.length) requestIdleCallback(() => showBitByBit(sample, pieces, shown + 1));
}

export class Markdown {
  #blocks = new Blocks();
  #cleaner = new Cleaner();
  #view;
  #taken = 0;
  #line = ""; // the last one, as far as it is there

  /**
   * @param {HTMLElement} element
   * @param {{load?: Load}} [options] `load` brings the parts that colour code and set formulas; without it both show as text
   */
  constructor(element, { load } = {}) {
    element.classList.add("tw-md");
    this.#view = new Branch("text", element, new Tools(this.#blocks.references, load));
  }

  /**
   * Show all chunks there are.
   * @param {string[]} chunks the same list as before, or longer
   * @returns {string} what was not shown before
   */
  show(chunks) {
    if (this.#taken === chunks.length) return "";
    const added = chunks.slice(this.#taken).join("");
    this.#taken = chunks.length;
    this.#read(this.#cleaner.take(added));
    this.#blocks.draft(UNDECIDED.test(this.#line) ? null : this.#line, () => this.#draw());
    return added;
  }

  /** The text is over: what is still open is read as it stands. */
  end() {
    this.#read(this.#cleaner.end());
    if (this.#line) this.#blocks.add(this.#line);
    this.#line = "";
    this.#blocks.end();
    this.#draw();
  }

  /** @param {string} text */
  #read(text) {
    const lines = text.split("\n");
    lines[0] = this.#line + lines[0];
    this.#line = /** @type {string} */ (lines.pop());
    for (const line of lines) this.#blocks.add(line);
  }

  #draw() {
    this.#view.update(this.#blocks.root);
    this.#blocks.references.settle();
  }
}
