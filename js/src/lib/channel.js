// Many streams over one connection: the socket, the data channel and the comm speak the same messages.

import * as messages from "./messages.js";
import { Receiver } from "./redundancy.js";
import { refusedBy } from "./transport.js";

/** @import { Input, Message, StreamEvent } from "./messages.js" */
/** @import { Reader, RoundTrip } from "./transport.js" */

/**
 * @typedef {object} Attachment
 * @property {Reader} reader
 * @property {number} last seq of the newest event it was given
 * @property {boolean} settling joined readers of the same stream, whose events may still be on their way
 * @property {() => void} resolve
 * @property {(reason: Error) => void} reject
 */
/** @typedef {{every: number, dead: number}} Liveness ping period, and the silence after one that means the peer is gone; ms */
/**
 * @typedef {object} Clock
 * @property {() => number} now ms
 * @property {(f: () => void, ms: number) => any} setInterval
 * @property {(timer: any) => void} clearInterval
 */

/** @type {Clock} */
const pageClock = {
  now: () => performance.now(),
  setInterval: (f, ms) => setInterval(f, ms),
  clearInterval: (timer) => clearInterval(timer),
};

export class Channel {
  /** @type {Map<string, Set<Attachment>>} */
  #streams = new Map();
  /** What puts a stream's events in order, where they come by a way that does not. @type {Map<string, Receiver>} */
  #receivers = new Map();
  #send;
  #via;
  #acknowledge;
  #close;
  #liveness;
  #clock;
  /** @type {any} */
  #timer = null;
  #pingAt = 0;
  #answered = true;
  /** Pings that ask for a clock, by what they carry. @type {Map<number, {resolve: (at: number) => void, reject: (error: Error) => void}>} */
  #asked = new Map();
  /** @type {Error | null} */
  #over = null;
  /** @type {() => void} */
  #markClosed = () => {};
  /** Resolves when the connection is gone. @type {Promise<void>} */
  closed = new Promise((resolve) => (this.#markClosed = resolve));

  /**
   * @param {object} connection
   * @param {(message: Message) => void} connection.send
   * @param {string} [connection.via] the way by which events are to come, in any order; without it they come like all messages
   * @param {(message: Message) => void} [connection.acknowledge] puts an acknowledgement on that way, unless that way loses nothing
   * @param {() => void} [connection.close]
   * @param {Liveness} [connection.liveness] without it the connection is trusted to say when it ends
   * @param {Clock} [connection.clock]
   */
  constructor({ send, via, acknowledge, close = () => {}, liveness, clock = pageClock }) {
    this.#send = send;
    this.#via = via;
    this.#acknowledge = acknowledge;
    this.#close = close;
    this.#liveness = liveness;
    this.#clock = clock;
  }

  /**
   * @param {string} stream
   * @param {number} after
   * @param {Reader} reader
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  attach(stream, after, reader, signal) {
    if (this.#over) return Promise.reject(this.#over);
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const others = this.#streams.get(stream) ?? new Set();
      /** @type {Attachment} */
      const attachment = { reader, last: after, settling: others.size > 0, resolve, reject };
      // The server keeps one cursor a stream: go back only if somebody here needs older events; the others drop what they know.
      const behind = others.size === 0 || [...others].some((other) => other.last > after);
      others.add(attachment);
      this.#streams.set(stream, others);
      signal.addEventListener("abort", () => this.#leave(stream, attachment), { once: true });
      this.#watch();
      if (behind) this.#ask(stream, after);
    });
  }

  /** @param {string} stream */
  stop(stream) {
    if (this.#over) throw this.#over;
    this.#write(messages.stop(stream));
  }

  /** @param {string} stream @param {Input} given */
  input(stream, given) {
    if (this.#over) throw this.#over;
    this.#write(messages.input(stream, given));
  }

  /**
   * Ask what a stream's clock says.
   * @param {string} stream
   * @returns {Promise<RoundTrip>}
   */
  async clock(stream) {
    if (this.#over) throw this.#over;
    const asked = this.#clock.now();
    const at = await new Promise((/** @type {(at: number) => void} */ resolve, reject) => {
      this.#asked.set(asked, { resolve, reject });
      this.#write(messages.ping(asked, stream));
    });
    return { asked: asked * 1000, at, answered: this.#clock.now() * 1000 };
  }

  /** Something came in. @param {Message} message */
  receive(message) {
    this.#answered = true;
    if (message.op === "pong") return this.#pong(message);
    const { stream } = message;
    if (typeof stream !== "string") return;
    if (message.op === "refused") this.#finish(stream, refusedBy(message.error));
    else if (Array.isArray(message.events)) this.#take(stream, message.events, message.sent);
  }

  /** The connection ended. @param {string} reason in words */
  fail(reason) {
    if (this.#over) return;
    this.#over = new Error(reason);
    for (const stream of [...this.#streams.keys()]) this.#finish(stream, this.#over);
    for (const { reject } of this.#asked.values()) reject(this.#over);
    this.#asked.clear();
    this.#markClosed();
  }

  close() {
    this.fail("the connection was closed");
    this.#close();
  }

  /** @param {Message} message */
  #pong({ t = NaN, at }) {
    const waiting = this.#asked.get(t);
    this.#asked.delete(t);
    if (typeof at === "number") waiting?.resolve(at);
    else waiting?.reject(new Error("the other side does not know this stream's clock"));
  }

  /** @param {string} stream @param {number} after */
  #ask(stream, after) {
    if (this.#via) this.#receivers.set(stream, new Receiver(after));
    this.#write(messages.attach(stream, after, this.#via));
  }

  /**
   * Hand on the events whose turn it is, whichever way they came. A message without any says that none are behind the cursor.
   * @param {string} stream
   * @param {StreamEvent[]} events
   * @param {number} [sent]
   */
  #take(stream, events, sent) {
    const receiver = this.#receivers.get(stream);
    if (!receiver || events.length === 0) return this.#deliver(stream, events, sent);
    const turn = receiver.take(events);
    this.#acknowledge?.(messages.ack(stream, receiver.seq, sent));
    if (turn.length) this.#deliver(stream, turn, sent);
  }

  /** @param {string} stream @param {StreamEvent[]} events @param {number} [sent] */
  #deliver(stream, events, sent) {
    if (events.length === 0) return this.#finish(stream, null); // asked for what lies behind the end
    for (const attachment of this.#streams.get(stream) ?? []) give(attachment, events, sent);
    if (messages.isTerminal(/** @type {StreamEvent} */ (events.at(-1)))) this.#finish(stream, null);
  }

  /** @param {string} stream @param {Error | null} reason */
  #finish(stream, reason) {
    const attachments = this.#streams.get(stream) ?? new Set();
    this.#streams.delete(stream);
    // Else the end would be sent again if its acknowledgement is lost.
    if (this.#receivers.delete(stream) && !this.#over) this.#write(messages.detach(stream));
    for (const { resolve, reject } of attachments) reason ? reject(reason) : resolve();
    this.#watch();
  }

  /** @param {string} stream @param {Attachment} attachment */
  #leave(stream, attachment) {
    const attachments = this.#streams.get(stream);
    if (!attachments?.delete(attachment)) return;
    if (attachments.size === 0) {
      this.#streams.delete(stream);
      this.#receivers.delete(stream);
      this.#write(messages.detach(stream));
    }
    this.#watch();
    attachment.resolve();
  }

  /** @param {Message} message */
  #write(message) {
    try {
      this.#send(message);
    } catch {
      this.close();
    }
  }

  /** Ping while somebody reads. */
  #watch() {
    if (!this.#liveness) return;
    const needed = this.#streams.size > 0 && !this.#over;
    if (needed && this.#timer === null) {
      this.#timer = this.#clock.setInterval(() => this.#beat(), this.#liveness.every);
    } else if (!needed && this.#timer !== null) {
      this.#clock.clearInterval(this.#timer);
      this.#timer = null;
      this.#answered = true;
    }
  }

  #beat() {
    const { dead } = /** @type {Liveness} */ (this.#liveness);
    const now = this.#clock.now();
    if (this.#answered) {
      this.#answered = false;
      this.#pingAt = now;
      this.#write(messages.ping(Math.round(now)));
    } else if (now - this.#pingAt >= dead) {
      this.fail(`nothing was heard from the server for ${dead / 1000} s`);
      this.#close();
    }
  }
}

/**
 * @param {Attachment} attachment
 * @param {StreamEvent[]} events
 * @param {number} [sent]
 */
function give(attachment, events, sent) {
  const news = events.filter((event) => event.seq > attachment.last);
  if (news.length === 0) return;
  // Events that were on their way to the other readers: its own come after them, from the place it asked for.
  if (attachment.settling && news[0].seq > attachment.last + 1) return;
  attachment.settling = false;
  attachment.last = news[news.length - 1].seq;
  attachment.reader.events(news, sent);
}
