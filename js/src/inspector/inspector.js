// What an inspector's views share: the stream, the leg that is looked at, the filter, and the frame that is selected.

import { Chunks, lastSeq } from "../lib/chunks.js";
import { wireOf } from "../lib/framesource.js";
import { clean } from "../lib/markdown/text.js";
import { reasonOf } from "../lib/transport.js";
import { filterOf } from "./filter.js";
import { NOTHING, pageLeg, providerLeg } from "./leg.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Ask } from "../lib/ask.js" */
/** @import { Session } from "../lib/session.js" */
/** @import { Leg, Row } from "./leg.js" */

const AGAIN_MS = 2000; // while the stream runs
const PAGE_MS = 500; // what the page receives is shown so often

export class Inspector {
  chunks = new Chunks();
  session;
  /** Why the provider's frames are not here, in words. */
  unknown = "";
  /** Index of the selected frame in the leg's rows, -1 for none. */
  frame = -1;
  #model;
  #ask;
  #signal;
  /** @type {Leg} */
  #provider = NOTHING;
  /** @type {Leg} */
  #page = NOTHING;
  #looking = false;
  #whole = false;
  #fetching = false;
  /** @type {Set<() => void>} */
  #views = new Set();

  /**
   * @param {AnyModel<any>} model with the traits of the Python class `WireInspector`
   * @param {Session} session
   * @param {Ask} ask
   * @param {AbortSignal} signal
   */
  constructor(model, session, ask, signal) {
    this.#model = model;
    this.session = session;
    this.#ask = ask;
    this.#signal = signal;
    model.on("change:selected", () => this.#find());
    model.on("change:leg", () => this.#turn());
    model.on("change:filter", () => this.#changed());
  }

  /** @returns {"provider" | "page"} */
  get leg() {
    return this.#model.get("leg") === "page" ? "page" : "provider";
  }

  set leg(leg) {
    this.#set("leg", leg);
  }

  get filter() {
    return this.#model.get("filter") ?? "";
  }

  set filter(filter) {
    this.#set("filter", filter);
  }

  /** Name of the variable that holds the host's key, for a command. */
  get keyName() {
    return this.#model.get("key_env") ?? "";
  }

  get dialect() {
    return this.session.events[0]?.dialect ?? "openai-chat";
  }

  /** The leg that is looked at. */
  get current() {
    return this.leg === "page" ? this.#page : this.#provider;
  }

  /** The rows that the filter lets through, and what is wrong with it. @param {Row[]} rows */
  filtered(rows) {
    const { test, error } = filterOf(this.filter);
    return { rows: this.filter.trim() ? rows.filter(test) : rows, error };
  }

  /** @param {() => void} view called when something changed @param {AbortSignal} signal */
  subscribe(view, signal) {
    this.#views.add(view);
    signal.addEventListener("abort", () => this.#views.delete(view));
    this.#fetch();
  }

  /** Take in what came. */
  read() {
    this.chunks.take(this.session.events);
    this.#fetch();
    this.#look();
    this.#changed();
  }

  /** @param {number} frame */
  select(frame) {
    this.frame = frame;
    const chunk = this.current.rows[frame]?.brought[0];
    if (chunk !== undefined) this.#set("selected", this.chunks.all[chunk].seq);
    this.#changed();
  }

  /** @param {number} chunk index of one */
  selectChunk(chunk) {
    const frame = this.current.carried[chunk] ?? -1;
    if (frame < 0) return;
    this.frame = frame;
    this.#set("selected", this.chunks.all[chunk].seq);
    this.#changed();
  }

  /** To the other leg, whose frames are others. */
  #turn() {
    this.frame = -1;
    this.#find();
    this.#look();
  }

  /** What the page received, not with every event. */
  #look() {
    if (this.#looking || this.leg !== "page") return;
    this.#looking = true;
    const timer = setTimeout(() => {
      this.#looking = false;
      this.#page = pageLeg(this.session.stream, this.chunks.all);
      this.#grown();
    }, this.#page === NOTHING ? 0 : PAGE_MS);
    this.#signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  /** The frame of the event that is selected. */
  #find() {
    const { rows, carried } = this.current;
    const seq = this.#model.get("selected") ?? -1;
    const chunk = seq < 0 ? -1 : lastSeq(this.chunks.all, seq);
    if (chunk >= 0 && !rows[this.frame]?.brought.includes(chunk)) this.frame = carried[chunk] ?? -1;
    this.#changed();
  }

  /** There are more frames; those there were have kept their places. */
  #grown() {
    if (this.frame < 0) this.#find();
    else this.#changed();
  }

  /** The frames, again as long as more may come, while somebody looks. */
  async #fetch() {
    const { session } = this;
    if (this.#fetching || this.#whole || !session.stream || this.#views.size === 0) return;
    this.#fetching = true;
    const over = session.over;
    try {
      const { travelled, dropped } = await wireOf(session, this.#ask);
      this.chunks.take(session.events);
      this.#provider = providerLeg(travelled, this.chunks.all, dropped);
      this.unknown = "";
    } catch (error) {
      this.unknown = clean(reasonOf(error));
    }
    this.#whole = over;
    this.#grown();
    const timer = setTimeout(() => {
      this.#fetching = false;
      this.#fetch();
    }, over ? 0 : AGAIN_MS);
    this.#signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  /** @param {string} trait @param {unknown} value */
  #set(trait, value) {
    if (this.#model.get(trait) === value) return;
    this.#model.set(trait, value);
    try {
      this.#model.save_changes();
    } catch {
      // No kernel: nobody to tell.
    }
  }

  #changed() {
    for (const view of this.#views) view();
  }
}
