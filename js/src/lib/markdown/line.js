// One line being read from the left. Tabs count to the next multiple of four columns, as CommonMark has it.

const STOP = 4;

export class Line {
  #text;
  #at = 0;
  #column = 0;

  /** @param {string} text without its line break */
  constructor(text) {
    this.#text = text;
  }

  /** What is left. */
  get rest() {
    return this.#text.slice(this.#at);
  }

  get blank() {
    return !/\S/.test(this.rest);
  }

  /** Columns of space before the next character. */
  get indent() {
    let column = this.#column;
    for (let i = this.#at; this.#text[i] === " " || this.#text[i] === "\t"; i++) column += width(this.#text[i], column);
    return column - this.#column;
  }

  /** Take up to so many columns of space; of a tab that reaches further, the rest stays as spaces. @param {number} columns */
  skip(columns) {
    for (let left = columns; left > 0;) {
      const character = this.#text[this.#at];
      if (character !== " " && character !== "\t") return;
      const wide = width(character, this.#column);
      if (wide > left) this.#text = " ".repeat(wide - left) + this.#text.slice(this.#at + 1);
      if (wide > left) this.#at = 0;
      else this.#at++;
      this.#column += Math.min(wide, left);
      left -= wide;
    }
  }

  /** Take so many characters, none of them a tab. @param {number} characters */
  take(characters) {
    this.#at += characters;
    this.#column += characters;
  }
}

/** @param {string} space @param {number} column */
function width(space, column) {
  return space === "\t" ? STOP - (column % STOP) : 1;
}
