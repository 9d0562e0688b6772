// Speech for screen readers: whole sentences at a calm pace, never single tokens.

const CALM_MS = 3000;
const SENTENCES = /^[^]*(?:[.!?…。！？:]["'”’)\]]*\s|\n)/;

export class Announcer {
  #region;
  #text = "";
  #saidAt = -Infinity;

  /** @param {HTMLElement} region an element with `aria-live` */
  constructor(region) {
    this.#region = region;
  }

  /** More text of the answer; what is complete of it is said when it is time. @param {string} text @param {number} now ms */
  add(text, now) {
    this.#text += text;
    if (now - this.#saidAt < CALM_MS) return;
    const complete = SENTENCES.exec(this.#text)?.[0];
    if (!complete) return;
    this.#text = this.#text.slice(complete.length);
    this.#saidAt = now;
    this.#region.textContent = complete.trim();
  }

  /** Something that is no part of the answer. @param {string} words */
  say(words) {
    this.#region.textContent = words;
  }

  /** The end: what was left unsaid, and how it ended. @param {string} words */
  end(words) {
    this.#region.textContent = `${this.#text.trim()} ${words}`.trim();
    this.#text = "";
  }
}
