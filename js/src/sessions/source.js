// What runs, asked of the page's server where that holds the streams, else of the kernel.

import { call, findServer } from "../lib/server.js";
import { reasonOf } from "../lib/transport.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Ask } from "../lib/ask.js" */
/** @import { Server } from "../lib/server.js" */

/**
 * A stream, without a word of it.
 * @typedef {object} Brief
 * @property {string} id
 * @property {string} model
 * @property {"running" | "ended" | "failed"} state
 * @property {string} phase
 * @property {number} age µs since its attempt began; of a finished one, how long it ran
 * @property {number} created Unix time, s
 * @property {number | null} rate estimated tokens a second over the last seconds
 * @property {number} readers
 * @property {Record<string, number>} transports how many readers there are by each
 */
/**
 * @typedef {object} Host
 * @property {string} name
 * @property {{present: boolean, needed: boolean, source?: string, variable?: string, problem?: string}} key
 */
/**
 * @typedef {object} Seen
 * @property {Brief[]} streams
 * @property {Host[]} hosts
 * @property {Record<string, number>} limits
 * @property {Record<string, number>} used
 * @property {string} [problem] why nothing is known
 */

const HOSTS_EVERY = 30; // looks; keys seldom change

export class Source {
  #ask;
  #server;
  #looks = 0;
  /** @type {Host[]} */
  #hosts = [];

  /** @param {AnyModel<any>} model @param {Ask} ask */
  constructor(model, ask) {
    this.#ask = ask;
    this.#server = model.get("place") === "server" ? findServer() : null;
  }

  /** What there is now. @returns {Promise<Seen>} */
  async look() {
    try {
      return await this.#asked((server) => this.#lookAt(server), "sessions");
    } catch (error) {
      return { streams: [], hosts: [], limits: {}, used: {}, problem: reasonOf(error) };
    }
  }

  /** @param {string} stream */
  stop(stream) {
    return this.#asked((server) => answered(call(server, `tokenwidgets/streams/${encodeURIComponent(stream)}`, { method: "DELETE" })), "end", { stream });
  }

  /** Whether the page reads from the server; else the kernel gives it the stream. @param {string} stream */
  async open(stream) {
    if (!this.#server) await this.#ask("open", { stream });
    return this.#server ? "server" : "kernel";
  }

  /**
   * A server that has no such extension, or cannot be reached, is not asked again: the kernel may know another.
   * @param {(server: Server) => Promise<any>} direct
   * @param {string} op
   * @param {object} [fields]
   */
  async #asked(direct, op, fields) {
    if (this.#server) {
      try {
        return await direct(this.#server);
      } catch (error) {
        if (!(error instanceof NotHere)) throw error;
        this.#server = null;
      }
    }
    return this.#ask(op, fields);
  }

  /** @param {Server} server @returns {Promise<Seen>} */
  async #lookAt(server) {
    const [{ streams }, { limits, used }] = await Promise.all([
      answered(call(server, "tokenwidgets/streams?text=0")),
      answered(call(server, "tokenwidgets/capabilities")),
    ]);
    if (this.#looks++ % HOSTS_EVERY === 0) this.#hosts = (await answered(call(server, "tokenwidgets/hosts"))).hosts;
    return { streams, limits, used: used ?? {}, hosts: this.#hosts };
  }
}

/** No server of ours answers there. */
class NotHere extends Error {}

/** @param {Promise<Response>} call */
async function answered(call) {
  const response = await call;
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  if (response.status === 404 && !body?.error) throw new NotHere("the Jupyter server has no tokenwidgets extension");
  throw new Error(body?.message || `the Jupyter server answered ${response.status}`);
}
