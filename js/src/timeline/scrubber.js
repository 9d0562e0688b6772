// What a timeline's views share: the stream, its chunks, the playhead, and the frames that carried them.

import { Chunks } from "../lib/chunks.js";
import { wireOf } from "../lib/framesource.js";
import { reasonOf } from "../lib/transport.js";
import { carriers, readWire, readsOf } from "../lib/wire.js";
import { Playhead } from "./playhead.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Ask } from "../lib/ask.js" */
/** @import { Session } from "../lib/session.js" */
/** @import { Frame, Read } from "../lib/wire.js" */

const SAVE_MS = 250; // a kernel that listens hears of a moving playhead so often

/** @typedef {{requestAnimationFrame: (f: (ms: number) => void) => number, setTimeout: (f: () => void, ms: number) => any}} Ticker */

export class Scrubber {
  chunks = new Chunks();
  playhead = new Playhead(this.chunks.all);
  /** @type {Frame[] | null} null until they are here */
  frames = null;
  /** The frame of each chunk. @type {number[]} */
  carriers = [];
  /** The read of each frame. @type {(Read | undefined)[]} */
  reads = [];
  /** Why there are no frames, in words. */
  unknown = "";
  #model;
  #session;
  #ask;
  #ticker;
  #asked = false;
  #saving = false;
  #playing = false;
  /** @type {Set<() => void>} */
  #views = new Set();

  /**
   * @param {AnyModel<any>} model with the traits of the Python class `Timeline`
   * @param {Session} session
   * @param {Ask} ask
   * @param {Ticker} [ticker]
   */
  constructor(model, session, ask, ticker = window) {
    this.#model = model;
    this.#session = session;
    this.#ask = ask;
    this.#ticker = ticker;
    model.on("change:selected", () => this.#hear("selected", this.selected, (seq) => this.playhead.select(seq)));
    model.on("change:at", () => this.#hear("at", this.#told, (at) => (at < 0 ? this.playhead.follow() : this.playhead.seek(at))));
    model.on("change:speed", () => this.#changed());
    const [at, seq] = [model.get("at") ?? -1, model.get("selected") ?? -1];
    this.read();
    if (at >= 0) this.playhead.seek(at);
    else if (seq >= 0) this.playhead.select(seq);
  }

  get speed() {
    return this.#model.get("speed") || 1;
  }

  set speed(speed) {
    this.#model.set("speed", speed);
    this.#save();
  }

  /** seq of the chunk at the playhead, -1 before the first. */
  get selected() {
    return this.chunks.all[this.playhead.index]?.seq ?? -1;
  }

  /** What the trait `at` says: -1 for the end that moves on. */
  get #told() {
    return this.playhead.following ? -1 : Math.round(this.playhead.at);
  }

  /** @param {() => void} view called when something changed @param {AbortSignal} signal */
  subscribe(view, signal) {
    this.#views.add(view);
    signal.addEventListener("abort", () => this.#views.delete(view));
    this.#fetch();
  }

  /** Take in what came. */
  read() {
    const { events, state } = this.#session;
    this.chunks.take(events);
    this.playhead.extend(state.lastAt);
    if (this.playhead.following) this.#tell();
    this.#fetch();
    this.#changed();
  }

  /** Move the playhead, and tell of it. @param {(playhead: Playhead) => void} move */
  move(move) {
    move(this.playhead);
    this.#tell();
    this.#changed();
    if (this.playhead.playing && !this.#playing) this.#play();
  }

  #play() {
    this.#playing = true;
    let before = NaN;
    /** @param {number} now ms */
    const turn = (now) => {
      if (!this.playhead.playing) return void (this.#playing = false);
      const passed = Number.isNaN(before) ? 0 : (now - before) * 1000 * this.speed;
      before = now;
      this.move((playhead) => playhead.advance(passed));
      this.#ticker.requestAnimationFrame(turn);
    };
    this.#ticker.requestAnimationFrame(turn);
  }

  /**
   * Another widget, or the kernel, moved a trait.
   * @param {string} trait @param {number} known @param {(value: number) => void} move
   */
  #hear(trait, known, move) {
    const value = this.#model.get(trait);
    if (value === known) return;
    move(value);
    this.#tell();
    this.#changed();
  }

  #tell() {
    this.#model.set("selected", this.selected);
    this.#model.set("at", this.#told);
    this.#save();
  }

  #save() {
    if (this.#saving) return;
    this.#saving = true;
    this.#ticker.setTimeout(() => {
      this.#saving = false;
      try {
        this.#model.save_changes();
      } catch {
        // No kernel: nobody to tell.
      }
    }, SAVE_MS);
  }

  /** The frames, once the stream is over and somebody looks. */
  async #fetch() {
    if (this.#asked || !this.#session.over || !this.#session.stream || this.#views.size === 0) return;
    this.#asked = true;
    try {
      const { travelled } = await wireOf(this.#session, this.#ask);
      this.frames = readWire(travelled);
      this.carriers = carriers(this.chunks.all, this.frames);
      this.reads = readsOf(this.frames, this.carriers);
    } catch (error) {
      this.unknown = reasonOf(error);
    }
    this.#changed();
  }

  #changed() {
    for (const view of this.#views) view();
  }
}
