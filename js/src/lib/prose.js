// Growing text whose older part is never laid out again.

const RUN = 1000; // characters after which the next line break starts a new block

/** Text nodes in an element, appended to only at the end. Line breaks are kept by the style sheet. */
export class Prose {
  #element;
  /** @type {Text | null} */
  #text = null;
  #taken = 0;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
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
    for (let rest = added; rest !== ""; ) rest = this.#append(rest);
    return added;
  }

  /**
   * Append up to where a new block begins.
   * @param {string} text
   * @returns {string} the rest
   */
  #append(text) {
    const node = (this.#text ??= this.#begin());
    const cut = text.indexOf("\n", Math.max(RUN - node.length, 0)) + 1 || text.length;
    node.appendData(text.slice(0, cut));
    if (node.length > RUN && node.data.endsWith("\n")) this.#text = null;
    return text.slice(cut);
  }

  #begin() {
    const page = this.#element.ownerDocument;
    const block = page.createElement("div");
    const text = page.createTextNode("");
    block.append(text);
    this.#element.append(block);
    return text;
  }
}
