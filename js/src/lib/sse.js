// Server-sent events without I/O: bytes in, messages out, however they are cut.

/**
 * @typedef {object} SSEMessage
 * @property {string | null} id
 * @property {string} data
 * @property {number} [sent] when the server wrote it, by the newest comment before it; µs of the stream's clock
 */

const LINE_END = /\r\n|\r|\n/g;
const SENT = /^: sent (\d{1,16})$/;

export class SSEParser {
  /** The newest comment's, see `SSEMessage`. @type {number | undefined} */
  sent;
  #decoder = new TextDecoder(); // drops a byte order mark, keeps half a character for the next push
  #line = "";
  /** @type {string[]} */
  #data = [];
  /** @type {string | null} */
  #id = null;
  #sawReturn = false;

  /**
   * The messages these bytes complete. A comment completes none.
   * @param {Uint8Array} bytes
   * @returns {SSEMessage[]}
   */
  push(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return [];
    // A CR ends its line at once; the LF of the same line end may come with the next bytes.
    if (this.#sawReturn && text[0] === "\n") text = text.slice(1);
    this.#sawReturn = text === "" ? false : text.endsWith("\r");
    /** @type {SSEMessage[]} */
    const messages = [];
    let from = 0;
    for (const { 0: end, index } of text.matchAll(LINE_END)) {
      this.#take(this.#line + text.slice(from, index), messages);
      this.#line = "";
      from = index + end.length;
    }
    this.#line += text.slice(from);
    return messages;
  }

  /**
   * @param {string} line
   * @param {SSEMessage[]} messages
   */
  #take(line, messages) {
    if (line === "") {
      if (this.#data.length) messages.push({ id: this.#id, data: this.#data.join("\n"), sent: this.sent });
      this.#data = [];
      return;
    }
    const sent = SENT.exec(line)?.[1];
    if (sent) this.sent = Number(sent);
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }
}
