// A box that follows its end unless the reader left it, and does not forget its place when it is put elsewhere in the page.

const NEAR = 24;

export class Scroller {
  #element;
  #atEnd = true;
  #top = 0;

  /** @param {HTMLElement} element @param {() => void} [changed] the reader left the end, or came back to it */
  constructor(element, changed) {
    this.#element = element;
    element.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = element;
      const before = this.#atEnd;
      this.#top = scrollTop;
      this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
      if (this.#atEnd !== before) changed?.();
    });
  }

  get atEnd() {
    return this.#atEnd;
  }

  /** Content came. */
  follow() {
    if (this.#atEnd) this.#element.scrollTop = this.#element.scrollHeight;
  }

  /** To the end, and stay there. */
  toEnd() {
    this.#atEnd = true;
    this.follow();
  }

  /** As it was, after the page let go of it. */
  restore() {
    this.#element.scrollTop = this.#atEnd ? this.#element.scrollHeight : this.#top;
  }
}
