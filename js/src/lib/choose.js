// Which transport: the one asked for or the best that works, and always why.

import { GivenUp, LABELS, OPEN_MS, Refused, reasonOf } from "./transport.js";

/** @import { Input, StreamEvent } from "./messages.js" */
/** @import { Reader, Transport, TransportName } from "./transport.js" */
/** @import { Timers } from "./follow.js" */

/** @typedef {{transport: TransportName, reason: string}} Failure */
/** @typedef {{transport: TransportName, why: string, tried: Failure[]}} Route */
/** @typedef {"server" | "kernel"} Place who holds the stream */

/** @type {Record<TransportName | "auto", TransportName[]>} */
const ORDER = {
  auto: ["ws", "sse", "comm"],
  ws: ["ws", "sse", "comm"],
  sse: ["sse", "ws", "comm"],
  webrtc: ["webrtc", "ws", "sse", "comm"],
  "webrtc-ordered": ["webrtc-ordered", "ws", "sse", "comm"],
  "webrtc-unordered": ["webrtc-unordered", "ws", "sse", "comm"],
  comm: ["comm"],
};

/** @type {TransportName} */
const UPGRADED = "webrtc"; // a lost packet holds up nothing there

/** One that has worked is tried so many times in a row before it is given up: an outage is no reason to change. */
const ATTEMPTS = 3;

/** How long a kernel may take to answer for a stream that the server does not hold; without one, nobody says so. */
const KERNEL_MS = 10_000;

const ELSEWHERE = "the page's Jupyter server does not hold this stream";

/**
 * A transport that is the first of a list to work. What fails to open within 3 s is passed over, and said so; where only the one asked for
 * is allowed, it is given up.
 * @implements {Transport}
 */
export class Choice {
  #wanted;
  #only;
  #transports;
  #onRoute;
  #timers;
  /** @type {TransportName[]} */
  #names;
  /** @type {string | null} */
  #reason = null;
  /** @type {Failure[]} */
  #tried = [];
  /** @type {TransportName | null} */
  #reported = null;
  #worked = false;
  #failures = 0;
  /** Why it is another way than the one it began with, or an empty string. */
  #moved = "";
  /** Whether it was given a way nobody asked for, to be left as soon as it fails. */
  #upgraded = false;
  /** What the server said of a stream that only the kernel may know; until the kernel answers. @type {Refused | null} */
  #unknown = null;

  /**
   * @param {object} options
   * @param {TransportName | "auto"} options.wanted
   * @param {boolean} [options.only] no other than the one asked for will do
   * @param {Place} options.place
   * @param {{comm: Transport} & Partial<Record<TransportName, Transport>>} options.transports only comm where no server can be reached
   * @param {(route: Route) => void} options.onRoute told when a stream is attached another way than before
   * @param {Timers} [options.timers]
   */
  constructor({ wanted, only = false, place, transports, onRoute, timers = globalThis }) {
    this.#wanted = wanted;
    this.#only = only;
    this.#transports = transports;
    this.#onRoute = onRoute;
    this.#timers = timers;
    this.#names = orderOf(wanted, only);
    if (wanted !== "comm" && place === "kernel") this.#onlyComm("the kernel holds this stream, no server does");
    else if (!this.#names.every((name) => transports[name])) this.#onlyComm("no Jupyter server can be reached from this page");
  }

  /** What is asked for now. */
  get wanted() {
    return this.#wanted;
  }

  /** What may be asked for in its place. @returns {TransportName[]} */
  get choices() {
    if (this.#only || this.#reason) return [];
    return /** @type {TransportName[]} */ (Object.keys(LABELS).filter((name) => this.#transports[/** @type {TransportName} */ (name)]));
  }

  /** Whether a better way is worth looking for while this one brings the events. */
  get upgradable() {
    return this.#wanted === "auto" && !this.#upgraded && this.choices.includes(UPGRADED) && this.#name !== "comm" && this.#name !== UPGRADED;
  }

  /**
   * From the next attachment on, another way.
   * @param {TransportName | "auto"} wanted
   * @param {string} why
   */
  move(wanted, why) {
    this.#wanted = wanted;
    this.#upgraded = false;
    this.#begin(orderOf(wanted, false), why);
  }

  /** The same with a way that stands open, which nobody asked for. @param {string} why */
  upgrade(why) {
    this.#upgraded = true;
    this.#begin([UPGRADED, ...ORDER.auto], why);
  }

  /** Where the kernel took the server's place and says nothing either, the server may be back. @returns {boolean} whether to look */
  retry() {
    if (this.#reason || this.#name !== "comm" || !this.#tried.length) return false;
    this.#begin(this.#names, this.#moved);
    return true;
  }

  /** @param {TransportName[]} names @param {string} why */
  #begin(names, why) {
    this.#names = names;
    this.#moved = why;
    this.#tried = [];
    this.#failures = 0;
    this.#worked = false;
    this.#reported = null;
  }

  /** @param {string} reason */
  #onlyComm(reason) {
    this.#names = ["comm"];
    this.#reason = reason;
  }

  /**
   * @param {string} stream
   * @param {number} after
   * @param {Reader} reader
   * @param {AbortSignal} signal
   */
  async attach(stream, after, reader, signal) {
    if (this.#only && this.#name !== this.#wanted) throw new GivenUp(/** @type {string} */ (this.#reason));
    for (;;) {
      let opened = false;
      const opening = {
        ...reader,
        opened: () => {
          opened = true;
          this.#work();
          reader.opened();
        },
      };
      try {
        return await (this.#unknown ? this.#askKernel(stream, after, opening, signal) : this.#try(stream, after, opening, signal));
      } catch (error) {
        if (!signal.aborted && this.#leaveServer(error)) continue;
        if (opened || signal.aborted || error instanceof Refused) throw error;
        this.#fail(error);
      }
    }
  }

  /** @param {string} stream */
  stop(stream) {
    return this.#transport.stop(stream);
  }

  /** @param {string} stream @param {Input} given */
  async input(stream, given) {
    await this.#transport.input?.(stream, given);
  }

  /** @param {string} stream */
  async clock(stream) {
    const { clock } = this.#transport;
    if (!clock) throw new Error("the kernel's copy of a stream has no clock");
    return clock(stream);
  }

  get #name() {
    return this.#names[Math.min(this.#tried.length, this.#names.length - 1)];
  }

  get #transport() {
    return /** @type {Transport} */ (this.#transports[this.#name]);
  }

  /**
   * @param {string} stream
   * @param {number} after
   * @param {Reader} reader
   * @param {AbortSignal} signal
   */
  async #try(stream, after, reader, signal) {
    const late = new AbortController();
    const timer = this.#timers.setTimeout(() => late.abort(), OPEN_MS);
    const opening = {
      ...reader,
      opened: () => {
        this.#timers.clearTimeout(timer);
        reader.opened();
      },
    };
    try {
      await this.#transport.attach(stream, after, opening, AbortSignal.any([signal, late.signal]));
    } catch (error) {
      throw late.signal.aborted ? new Error(`no answer within ${OPEN_MS / 1000} s`) : error;
    } finally {
      this.#timers.clearTimeout(timer);
    }
  }

  /**
   * The kernel may read a stream from another server than the page's, or keep what a server has lost.
   * @param {unknown} error
   */
  #leaveServer(error) {
    if (!(error instanceof Refused) || error.code !== "not_found" || this.#name === "comm" || this.#only) return false;
    this.#tried.push({ transport: this.#name, reason: error.message });
    this.#onlyComm(ELSEWHERE);
    this.#unknown = error;
    return true;
  }

  /**
   * The comm, as long as a kernel answers over it; else what the server said stands.
   * @param {string} stream
   * @param {number} after
   * @param {Reader} reader
   * @param {AbortSignal} signal
   */
  async #askKernel(stream, after, reader, signal) {
    const refused = this.#unknown;
    const silent = new AbortController();
    const timer = this.#timers.setTimeout(() => silent.abort(refused), KERNEL_MS);
    const answered = {
      ...reader,
      /** @param {StreamEvent[]} events */
      events: (events) => {
        this.#unknown = null;
        this.#timers.clearTimeout(timer);
        reader.events(events);
      },
    };
    try {
      await this.#try(stream, after, answered, AbortSignal.any([signal, silent.signal]));
    } catch (error) {
      throw this.#unknown && !signal.aborted ? refused : error;
    } finally {
      this.#timers.clearTimeout(timer);
    }
    if (this.#unknown && silent.signal.aborted) throw refused;
  }

  #work() {
    this.#worked = true;
    this.#failures = 0;
    if (this.#reported === this.#name) return;
    this.#reported = this.#name;
    this.#onRoute({ transport: this.#name, why: this.#why(), tried: [...this.#tried] });
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#failures += 1;
    const outage = this.#worked && this.#failures < ATTEMPTS && !(this.#upgraded && this.#name === UPGRADED);
    if (this.#only && !outage) throw new GivenUp(reasonOf(error));
    if (outage) throw error;
    if (this.#name === this.#names.at(-1)) {
      this.#tried = []; // nothing works now: what comes back first is not known
      throw error;
    }
    this.#tried.push({ transport: this.#name, reason: reasonOf(error) });
    this.#worked = false;
    this.#failures = 0;
  }

  #why() {
    if (this.#reason) return this.#reason;
    if (this.#tried.length) return `in place of ${this.#tried.map(({ transport }) => LABELS[transport]).join(" and ")}`;
    if (this.#moved) return this.#moved;
    return this.#wanted === this.#name ? "as asked" : "chosen automatically";
  }
}

/** @param {TransportName | "auto"} wanted @param {boolean} only */
function orderOf(wanted, only) {
  const order = ORDER[wanted] ?? ORDER.auto;
  return only ? order.slice(0, 1) : order;
}
