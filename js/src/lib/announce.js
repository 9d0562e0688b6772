// Speech for screen readers: whole sentences at a calm pace, never single tokens.

const CALM_MS = 3000;
/** Characters said at a time. What comes faster than it can be said waits: the page would lay it all out, and speech be minutes behind. */
const MOST = 2000;
const REST = "What was not read aloud is in the answer.";
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
    const complete = sentencesOf(this.#text);
    if (!complete) return;
    this.#text = this.#text.slice(complete.length);
    this.#saidAt = now;
    this.#region.textContent = complete.trim();
  }

  /** Something that is no part of the answer. @param {string} words */
  say(words) {
    this.#region.textContent = words;
  }

  /** The end: what was left unsaid, or that there is such, and how it ended. @param {string} words */
  end(words) {
    const left = this.#text.trim();
    this.#region.textContent = left.length > MOST ? `${words} ${REST}` : `${left} ${words}`.trim();
    this.#text = "";
  }
}

/** The whole sentences a text begins with, as many as are said at a time; of one that is longer, whole words. @param {string} text */
function sentencesOf(text) {
  const near = text.slice(0, MOST);
  return SENTENCES.exec(near)?.[0] ?? (near.length < MOST ? "" : (/^[^]*\s/.exec(near)?.[0] ?? near));
}
