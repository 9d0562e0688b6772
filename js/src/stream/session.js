// One model's stream, whatever views there are of it: who reads it, by which way, and what came so far.

import { Choice } from "../lib/choose.js";
import { Follower } from "../lib/follow.js";
import { findServer } from "../lib/server.js";
import { initialState, reduce } from "../lib/state.js";
import { commTransport, insist } from "../lib/transports/comm.js";
import { sseTransport } from "../lib/transports/sse.js";
import { webRTCTransport } from "../lib/transports/webrtc.js";
import { webSocketTransport } from "../lib/transports/websocket.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Place, Route } from "../lib/choose.js" */
/** @import { FollowStatus } from "../lib/follow.js" */
/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { StreamState } from "../lib/state.js" */
/** @import { Transport, TransportName } from "../lib/transport.js" */

/**
 * The traits of the Python class `TokenStream`.
 * @typedef {object} Traits
 * @property {string} stream id, empty until it is known
 * @property {string} model
 * @property {TransportName | "auto"} transport
 * @property {Place} place
 * @property {number} ended last seq once the kernel knows that the stream ended, else -1
 * @property {string} error why no stream was started
 */

const LINGER_MS = 5000; // a view that is drawn anew comes back within this
const HEAL_MS = 2000;
const STOP_MS = 5000;

export class Session {
  /** @type {StreamState} */
  state = initialState();
  /** @type {FollowStatus} */
  status = "attaching";
  /** Why it is not attached, in words. */
  reason = "";
  /** @type {Route | null} */
  route = null;
  stopping = false;
  #model;
  #transports;
  #stream = "";
  /** @type {Choice | null} */
  #choice = null;
  /** @type {Follower | null} */
  #follower = null;
  /** @type {Set<() => void>} */
  #views = new Set();
  /** Page time at which the page began to wait, µs. */
  #since = pageTime();
  /** Page time of the attempt's beginning: the earliest that fits all events seen. */
  #origin = Infinity;
  /** @type {any} */
  #lingering;
  /** @type {any} */
  #healing;

  /**
   * @param {AnyModel<Traits>} model
   * @param {AbortSignal} signal
   */
  constructor(model, signal) {
    this.#model = model;
    this.#transports = transportsOf(model);
    for (const trait of ["stream", "transport", "place"]) model.on(`change:${trait}`, () => this.#begin());
    for (const trait of ["model", "error"]) model.on(`change:${trait}`, () => this.#changed());
    model.on("change:ended", () => this.#heal());
    const retry = () => {
      if (!document.hidden) this.#follower?.retry();
    };
    window.addEventListener("online", retry, { signal });
    document.addEventListener("visibilitychange", retry, { signal });
    signal.addEventListener("abort", () => this.#leave());
    this.#begin();
  }

  /** The name asked for. */
  get model() {
    return this.state.model || this.#model.get("model") || "";
  }

  /** Why there is nothing to follow, or an empty string. */
  get failure() {
    if (this.state.terminal) return "";
    if (this.status === "refused") return this.reason;
    return this.#stream ? "" : this.#model.get("error") || "";
  }

  get over() {
    return this.state.terminal !== null || this.failure !== "";
  }

  /** µs since the attempt began, by the page's clock. */
  now() {
    return pageTime() - (this.#origin === Infinity ? this.#since : this.#origin);
  }

  /**
   * Draw when something changed. The first view starts the reading.
   * @param {() => void} view
   * @param {AbortSignal} signal
   */
  subscribe(view, signal) {
    this.#views.add(view);
    clearTimeout(this.#lingering);
    this.#follow();
    signal.addEventListener("abort", () => {
      this.#views.delete(view);
      if (this.#views.size === 0) this.#lingering = setTimeout(() => this.#gone(), LINGER_MS);
    });
  }

  /** Stop the stream for everybody, also before its id is known. */
  stop() {
    if (this.stopping || this.over) return;
    this.stopping = true;
    this.#changed();
    this.#sendStop();
    setTimeout(() => this.#stopAgain(), STOP_MS);
  }

  async #sendStop() {
    try {
      if (!this.#choice) throw new Error("no stream yet");
      await this.#choice.stop(this.#stream);
    } catch {
      this.#tell({ op: "stop", stream: this.#stream }); // the kernel can always stop it
    }
  }

  #stopAgain() {
    if (this.over) return;
    this.#tell({ op: "stop", stream: this.#stream });
    this.stopping = false;
    this.#changed();
  }

  /** A stream became known, or the way to it is to be another. */
  #begin() {
    const stream = this.#model.get("stream") || "";
    const same = stream === this.#stream;
    const after = same ? (this.#follower?.last ?? -1) : -1;
    this.#leave();
    if (!same && this.#stream) this.#reset();
    this.#stream = stream;
    if (!stream) return this.#changed();
    this.#choice = new Choice({
      wanted: this.#model.get("transport"),
      place: this.#model.get("place"),
      transports: this.#transports,
      onRoute: (route) => this.#take(route),
    });
    this.#follower = new Follower({
      stream,
      after,
      transport: this.#choice,
      onEvents: (events) => this.#read(events),
      onStatus: (status, reason) => this.#follows(status, reason),
    });
    if (this.stopping) this.#sendStop();
    if (this.#views.size) this.#follow();
  }

  #reset() {
    this.state = initialState();
    this.stopping = false;
    this.route = null;
    this.#since = pageTime();
    this.#origin = Infinity;
  }

  #follow() {
    this.#follower?.start();
    this.#heal();
  }

  /** No view is left: the kernel may give the widget up when the stream has ended. */
  #gone() {
    this.#leave();
    this.#tell({ op: "left" });
  }

  #leave() {
    clearTimeout(this.#healing);
    this.#follower?.leave();
  }

  /** @param {StreamEvent[]} events */
  #read(events) {
    for (const event of events) reduce(this.state, event);
    this.#origin = Math.min(this.#origin, pageTime() - this.state.lastAt);
    if (this.state.terminal) this.stopping = false;
    this.#changed();
  }

  /** @param {FollowStatus} status @param {string} reason */
  #follows(status, reason) {
    this.status = status;
    this.reason = reason;
    this.#changed();
  }

  /** @param {Route} route */
  #take(route) {
    this.route = route;
    const attached = { op: "attached", stream: this.#stream, ...route };
    this.#tell(attached);
    insist(this.#model, attached, () => this.route !== route || this.over || this.#views.size === 0);
    this.#changed();
  }

  /** The kernel knows of an end that a comm, whose messages may be dropped, has not brought. */
  #heal() {
    clearTimeout(this.#healing);
    const follower = this.#follower;
    if (!follower || this.over || follower.last >= this.#model.get("ended")) return;
    const before = follower.last;
    this.#healing = setTimeout(() => {
      if (this.route?.transport === "comm" && follower.last === before) follower.again();
      this.#heal();
    }, HEAL_MS);
  }

  /** @param {object} message */
  #tell(message) {
    try {
      this.#model.send(message);
    } catch {
      // No kernel: nobody to tell.
    }
  }

  #changed() {
    for (const view of this.#views) view();
  }
}

/** µs */
const pageTime = () => performance.now() * 1000;

/**
 * @param {AnyModel<Traits>} model
 * @returns {{comm: Transport} & Partial<Record<TransportName, Transport>>}
 */
function transportsOf(model) {
  const comm = commTransport(model);
  const server = findServer();
  if (!server) return { comm };
  return { comm, sse: sseTransport(server), ws: webSocketTransport(server), webrtc: webRTCTransport(server) };
}
