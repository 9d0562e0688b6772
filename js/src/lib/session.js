// One stream, whatever views there are of it: who reads it, by which way, and what came so far.

import { Choice } from "./choose.js";
import { StreamClock, TRIPS } from "./clock.js";
import { Follower } from "./follow.js";
import { aroundPaint } from "./paint.js";
import { findServer } from "./server.js";
import { initialState, reduce } from "./state.js";
import { LABELS, reasonOf } from "./transport.js";
import { commTransport, insist } from "./transports/comm.js";
import { sseTransport } from "./transports/sse.js";
import { webRTCTransports } from "./transports/webrtc.js";
import { webSocketTransport } from "./transports/websocket.js";
import { AFTER_MS, UPGRADED, noPeer, stays, upgraded } from "./upgrade.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Place, Route } from "./choose.js" */
/** @import { FollowStatus } from "./follow.js" */
/** @import { Input, StreamEvent } from "./messages.js" */
/** @import { StreamState } from "./state.js" */
/** @import { Transport, TransportName } from "./transport.js" */

/**
 * What a widget knows of a stream: its own traits, or an element of the trait `runs`.
 * @typedef {object} Run
 * @property {string} stream id, empty until it is known
 * @property {string} model
 * @property {TransportName | "auto"} transport
 * @property {Place} place
 * @property {number} ended last seq once the kernel knows that the stream ended, else -1
 * @property {string} error why no stream was started
 * @property {string} [label]
 * @property {boolean} [only] that transport and no other
 * @property {StreamEvent[]} [events] all of them, where a file holds the stream and there is nothing to follow
 */
/** @typedef {(() => void) & {readonly unseen?: boolean}} View told that something changed; `unseen` while nobody can see what it shows */
/** @typedef {{comm: Transport} & Partial<Record<TransportName, Transport>>} Transports */

const LINGER_MS = 5000; // a view that is drawn anew comes back within this
const HEAL_MS = 2000;
const LONGEST_HEAL_MS = 30_000;
const STOP_MS = 5000;

export class Session {
  /** @type {StreamState} */
  state = initialState();
  /** Every event so far, in order. @type {StreamEvent[]} */
  events = [];
  /** Page time at which each came, µs. @type {number[]} */
  arrived = [];
  /** When each was written to this reader, µs of the stream's clock; NaN where nobody says so. @type {number[]} */
  sent = [];
  /** Page time of the first frame that showed each, µs; NaN until then, and where the page was hidden. @type {number[]} */
  painted = [];
  /** Page time of each connection, µs: what was read before it had to wait for this reader. @type {number[]} */
  connected = [];
  clock = new StreamClock();
  /** @type {FollowStatus} */
  status = "attaching";
  /** Why it is not attached, in words. */
  reason = "";
  /** @type {Route | null} */
  route = null;
  stopping = false;
  /** Whether it was left for good. */
  left = false;
  #model;
  #transports;
  #upgrades;
  #stream = "";
  /** @type {Choice | null} */
  #choice = null;
  /** @type {Follower | null} */
  #follower = null;
  /** @type {Set<View>} */
  #views = new Set();
  /** Page time at which the page began to wait, µs. */
  #since = pageTime();
  /** Page time of the attempt's beginning: the earliest that fits all events seen. */
  #origin = Infinity;
  #aligned = false;
  #painting = false;
  /** @type {any} */
  #lingering;
  /** @type {any} */
  #healing;
  /** @type {any} */
  #upgrading;
  #switches = 0;

  /**
   * @param {AnyModel<Run>} model
   * @param {AbortSignal} signal
   * @param {Transports} transports
   * @param {object} [options]
   * @param {boolean} [options.upgrades] whether a better way is taken once it is there, where none was asked for
   */
  constructor(model, signal, transports, { upgrades = false } = {}) {
    this.#model = model;
    this.#transports = transports;
    this.#upgrades = upgrades;
    for (const trait of ["stream", "place"]) model.on(`change:${trait}`, () => this.#begin());
    model.on("change:transport", () => this.switchTo(model.get("transport")));
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

  /** What it is called beside others. */
  get label() {
    return this.#model.get("label") || this.model;
  }

  /** Its id, or an empty string. */
  get stream() {
    return this.#stream;
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
    return this.left || this.state.terminal !== null || this.failure !== "";
  }

  /** µs since the attempt began, by the page's clock. */
  now() {
    return pageTime() - (this.#origin === Infinity ? this.#since : this.#origin);
  }

  /**
   * Draw when something changed. The first view starts the reading.
   * @param {View} view
   * @param {AbortSignal} signal
   */
  subscribe(view, signal) {
    this.#views.add(view);
    clearTimeout(this.#lingering);
    this.#follow();
    signal.addEventListener("abort", () => {
      this.#views.delete(view);
      if (this.#views.size === 0) this.#lingering = setTimeout(() => this.#leave(), LINGER_MS);
    });
  }

  /** Learn what the stream's clock says, unless that was asked already. Nothing comes of it where it has none. */
  async align() {
    const choice = this.#choice;
    if (this.#aligned || !this.route || !choice) return;
    this.#aligned = true;
    try {
      for (let trip = 0; trip < TRIPS; trip++) this.clock.take(await choice.clock(this.#stream));
    } catch {
      // Then the clock is not known, or by the connection's opening only.
    }
    this.#changed();
  }

  /** Give a voice session an input, over the transport that reads it; rejects with the reason. @param {Input} given */
  async give(given) {
    if (!this.#choice) throw new Error("the session has not begun");
    await this.#choice.input(this.#stream, given);
  }

  /** Read no further; the stream goes on for the others. */
  leave() {
    if (this.over) return;
    this.left = true;
    this.#leave();
    this.#changed();
  }

  /** The transports it can be switched to now. */
  get choices() {
    return this.over ? [] : (this.#choice?.choices ?? []);
  }

  /**
   * Read on over another transport, once that stands; meanwhile, and where it does not, over the present one.
   * @param {TransportName | "auto"} wanted
   */
  async switchTo(wanted) {
    const choice = this.#choice;
    const mine = ++this.#switches;
    if (this.over || !choice || choice.wanted === wanted) return;
    if (!this.route) return this.#begin();
    const name = wanted === "auto" ? "ws" : wanted;
    if (!choice.choices.includes(name)) return;
    const refused = await this.#opens(name);
    if (choice !== this.#choice || this.over || mine !== this.#switches) return;
    if (refused) return this.#kept(name, refused);
    stays(this);
    choice.move(wanted, "switched by you");
    this.#follower?.move();
  }

  /** Why a way does not open, or an empty string. @param {TransportName} name */
  async #opens(name) {
    try {
      await this.#transports[name]?.open?.();
      return "";
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** Say why another way was not taken. @param {TransportName} name @param {string} reason @param {string} why of the present one */
  #kept(name, reason, why = "kept") {
    if (this.route) this.#take({ ...this.route, why: `${why}; ${LABELS[name]} was not taken: ${reason}` });
  }

  /** @param {Route} route */
  #routed(route) {
    this.#take(route);
    const failed = route.tried.find(({ transport }) => transport === "webrtc");
    if (failed && this.#choice?.wanted === "auto") noPeer(failed.reason);
    this.#upgradeSoon();
  }

  /** Chunks a second, so far. */
  get rate() {
    const { ats } = this.state;
    return ats.length > 1 ? ((ats.length - 1) * 1_000_000) / Math.max(1, ats[ats.length - 1] - ats[0]) : 0;
  }

  /** Look for a better way while the first words come. */
  #upgradeSoon() {
    clearTimeout(this.#upgrading);
    if (this.#upgrades && this.#choice?.upgradable) this.#upgrading = setTimeout(() => this.#upgrade(), AFTER_MS);
  }

  async #upgrade() {
    const choice = this.#choice;
    const { webrtc } = this.#transports;
    if (this.over || !choice?.upgradable || !webrtc || this.#views.size === 0) return;
    const reason = await upgraded(webrtc, this);
    if (choice !== this.#choice || this.over || !choice.upgradable) return;
    if (reason) return this.#kept("webrtc", reason, "chosen automatically");
    choice.upgrade(UPGRADED);
    this.#follower?.move();
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
      if (this.route?.transport === "comm") insist(this.#model, { op: "stop", stream: this.#stream }, () => !this.stopping || this.over);
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
    const events = this.#model.get("events");
    if (events) return this.#read(events.slice(this.events.length));
    if (!stream) return this.#changed();
    this.#choice = new Choice({
      wanted: this.#model.get("transport"),
      only: this.#model.get("only"),
      place: this.#model.get("place"),
      transports: this.#transports,
      onRoute: (route) => this.#routed(route),
    });
    this.#follower = new Follower({
      stream,
      after,
      transport: this.#choice,
      onEvents: (events, sent) => this.#read(events, sent),
      onClock: (trip) => this.clock.take(trip),
      onStatus: (status, reason) => this.#follows(status, reason),
    });
    if (this.stopping) this.#sendStop();
    if (this.#views.size) this.#follow();
  }

  #reset() {
    this.state = initialState();
    this.events = [];
    this.arrived = [];
    this.sent = [];
    this.painted = [];
    this.connected = [];
    this.clock = new StreamClock();
    this.#aligned = false;
    this.stopping = false;
    this.route = null;
    this.#since = pageTime();
    this.#origin = Infinity;
  }

  #follow() {
    if (this.left) return;
    this.#follower?.start();
    this.#heal();
  }

  #leave() {
    clearTimeout(this.#healing);
    clearTimeout(this.#upgrading);
    stays(this);
    this.#follower?.leave();
  }

  /** @param {StreamEvent[]} events @param {number} [sent] */
  #read(events, sent = NaN) {
    const now = pageTime();
    this.#stampPaint();
    for (const event of events) {
      reduce(this.state, event);
      this.events.push(event);
      this.arrived.push(now);
      this.sent.push(sent);
      this.painted.push(NaN);
    }
    this.#origin = Math.min(this.#origin, pageTime() - this.state.lastAt);
    if (this.state.terminal) this.stopping = false;
    this.#changed();
  }

  /** Of what is not seen nobody can say when it is painted. */
  #stampPaint(from = this.painted.length) {
    if (this.#painting || document.hidden || [...this.#views].every(({ unseen }) => unseen)) return;
    this.#painting = true;
    const { painted } = this;
    let to = from;
    const drawn = () => void (to = painted.length);
    aroundPaint(drawn, () => {
      painted.fill(pageTime(), from, to);
      this.#painting = false;
      if (painted === this.painted && painted.length > to) this.#stampPaint(to);
      if (this.over) this.#changed();
    });
  }

  /** @param {FollowStatus} status @param {string} reason */
  #follows(status, reason) {
    if (status === "attached") this.connected.push(pageTime());
    this.status = status;
    this.reason = reason;
    this.#changed();
  }

  /** @param {Route} route */
  #take(route) {
    this.route = route;
    const attached = { op: "attached", stream: this.#stream, wanted: this.#choice?.wanted, ...route };
    this.#tell(attached);
    insist(this.#model, attached, () => this.route !== route || this.over || this.#views.size === 0);
    this.#changed();
  }

  /** Messages of a comm may be dropped: where nothing comes any more, the kernel is asked for its traits, and for events it knows of. */
  #heal(pause = HEAL_MS) {
    clearTimeout(this.#healing);
    if (this.over || this.#views.size === 0) return;
    const before = this.events.length;
    this.#healing = setTimeout(() => {
      if (this.over || this.events.length > before || (this.route && this.route.transport !== "comm")) return this.#heal();
      this.#tell({ op: "news" });
      if (this.#choice?.retry()) this.#follower?.move();
      if (this.route && this.#follower && this.#follower.last < this.#model.get("ended")) this.#follower.again();
      this.#heal(Math.min(2 * pause, LONGEST_HEAL_MS));
    }, pause);
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
 * The ways there are from this page; one list for all sessions of a widget.
 * @param {AnyModel<any>} model
 * @returns {Transports}
 */
export function transportsOf(model) {
  const comm = commTransport(model);
  const server = findServer();
  if (!server) return { comm };
  return { comm, sse: sseTransport(server), ws: webSocketTransport(server), ...webRTCTransports(server) };
}
