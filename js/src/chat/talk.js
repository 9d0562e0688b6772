// The page's side of one `ChatWidget`: what was said, what is being said, and what can be asked of the kernel.

import { asker, references } from "../lib/ask.js";
import { Session, transportsOf } from "../lib/session.js";
import { reasonOf } from "../lib/transport.js";
import { insist } from "../lib/transports/comm.js";
import { Past } from "./past.js";
import { rowsOf } from "./tree.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Run } from "../lib/session.js" */
/** @import { Told } from "./past.js" */
/** @import { Answer, Message, Turn } from "./tree.js" */

/**
 * What the kernel tells.
 * @typedef {object} News
 * @property {string} talk another one when another conversation was opened
 * @property {number} count of all messages
 * @property {number | null} leaf
 * @property {Turn[]} turns
 * @property {string} system
 * @property {Record<string, any>} options
 * @property {string[]} tools
 * @property {number} from the first of `nodes`
 * @property {Message[]} nodes
 * @property {boolean} [kept] in a file without a kernel
 */
/** A question on its way to the kernel. @typedef {{text: string, count: number, late: boolean}} Pending */
/** @typedef {{name: string, url: string, id: string}} Sent a picture that the kernel has */

const HEAL_MS = 2000;
const LONGEST_HEAL_MS = 30_000;
const LATE_MS = 1200;
const WHEN_FREE_MS = 24 * 3600 * 1000; // a kernel that is busy hears a question when its cell has ended

export const BUSY = "The kernel is busy: this is sent when it is free.";
export const COMING = "An answer is coming: Esc stops it.";
export const GONE = "The kernel is gone: what was said stays here, but nothing can be asked.";

export class Talk {
  /** @type {Message[]} */
  messages = [];
  /** @type {number | null} */
  leaf = null;
  /** @type {Turn[]} */
  turns = [];
  system = "";
  /** @type {Record<string, any>} */
  options = {};
  /** @type {string[]} */
  tools = [];
  /** @type {Pending | null} */
  pending = null;
  /** What was deleted last, to be brought back. @type {{leaf: number} | null} */
  deleted = null;
  gone = false;
  /** Whether this is a file, and there is nobody to ask. */
  kept = false;
  /** What went wrong last, in words. */
  problem = "";
  ask;
  #model;
  #signal;
  #transports;
  #talk = "";
  #reading = false;
  #refs = references();
  /** @type {any} */
  #healing;
  /** @type {Map<string, {run: RunModel, session: Session}>} by turn and round */
  #sessions = new Map();
  /** @type {Map<string, Session>} by stream */
  #byStream = new Map();
  /** @type {Map<number, string>} the turns that were seen coming, by their first message */
  #keys = new Map();
  /** @type {WeakMap<Message, Past>} */
  #pasts = new WeakMap();
  /** @type {Set<{view: () => void, signal: AbortSignal}>} */
  #views = new Set();

  /** @param {AnyModel<any>} model with the traits of `ChatWidget` @param {AbortSignal} signal */
  constructor(model, signal) {
    this.#model = model;
    this.#signal = signal;
    this.#transports = transportsOf(model);
    this.ask = asker(model);
    model.on("msg:custom", (message) => {
      if (message?.op === "chat" || String(message?.answer).startsWith("look ")) this.#take(message);
    });
    for (const trait of ["models", "busy"]) model.on(`change:${trait}`, () => this.changed());
    for (const event of ["comm_live_update", "comm:close"]) model.on(/** @type {any} */ (event), () => this.#lost());
    const look = this.#look();
    this.#guarded(() => model.send(look));
    signal.addEventListener("abort", () => clearTimeout(this.#healing));
    insist(model, look, () => this.#talk !== "" || signal.aborted);
  }

  /** @returns {string[]} those that answer the next question; empty for the default */
  get models() {
    return this.#model.get("models") ?? [];
  }

  set models(models) {
    this.#model.set("models", models);
    this.#guarded(() => this.#model.save_changes());
    this.changed();
  }

  get busy() {
    return !this.gone && this.turns.some((turn) => !turn.done);
  }

  get rows() {
    return rowsOf(this.messages, this.leaf, this.turns).map((row) => ({
      ...row,
      columns: row.columns.map((column) => ({ ...column, answers: column.answers.map((answer) => ({ ...answer, key: this.#keyOf(answer) })) })),
    }));
  }

  /** Draw when something changed. @param {() => void} view @param {AbortSignal} signal */
  subscribe(view, signal) {
    const entry = { view, signal };
    this.#views.add(entry);
    signal.addEventListener("abort", () => this.#views.delete(entry));
    for (const { session } of this.#sessions.values()) session.subscribe(view, signal);
  }

  changed() {
    for (const { view } of this.#views) view();
  }

  // ---------------------------------------------------------------- asking

  /** @param {string} text @param {Sent[]} pictures @returns {Promise<boolean>} whether it was asked */
  async say(text, pictures = []) {
    const pending = { text, count: this.messages.length, late: false };
    this.pending = pending;
    this.#heal();
    const late = setTimeout(() => {
      pending.late = true;
      this.changed();
    }, LATE_MS);
    const asked = await this.carryOut("say", { text, pictures: pictures.map(({ id, name, url }) => ({ id, name, preview: url })) });
    clearTimeout(late);
    if (asked === null && this.pending === pending) this.pending = null; // else until it is told where it stands
    this.changed();
    return asked !== null;
  }

  /** @param {number} node */
  async remove(node) {
    const answer = await this.carryOut("delete", { node });
    if (typeof answer?.leaf === "number") this.deleted = { leaf: answer.leaf };
    this.changed();
  }

  async restore() {
    const { deleted } = this;
    this.deleted = null;
    if (deleted) await this.carryOut("switch", { node: deleted.leaf, last: true });
  }

  /** Stop every answer: through the kernel, and at once where the page reaches the streams itself. */
  stop() {
    for (const turn of this.turns.filter(({ done }) => !done)) this.#sessionsOf(turn).at(-1)?.stop();
    this.#guarded(() => this.#model.send({ op: "stop" }));
  }

  /** @param {string} op @param {object} fields @returns {Promise<any>} the answer; null when it was refused, and `problem` says why */
  async carryOut(op, fields = {}) {
    this.problem = "";
    if (op !== "delete") this.deleted = null;
    this.changed();
    try {
      if (this.gone) throw new Error(GONE);
      return await this.ask(op, fields, WHEN_FREE_MS);
    } catch (error) {
      this.problem = reasonOf(error);
      this.changed();
      return null;
    }
  }

  // ---------------------------------------------------------------- hearing

  /** What is drawn of an answer, round by round. @param {Answer} answer @returns {Told[]} */
  told(answer) {
    if (!answer.turn) return answer.steps.map((message) => this.#sessionOf(message) ?? this.#pastOf(message));
    return this.#sessionsOf(answer.turn);
  }

  async #read() {
    if (this.#reading) return;
    this.#reading = true;
    try {
      for (let whole = false; !whole; ) {
        const answer = await this.ask("read", { talk: this.#talk, from: this.messages.length });
        this.#reading = false;
        this.#take(answer);
        whole = this.messages.length >= answer.count;
        this.#reading = !whole;
      }
    } catch {
      this.#reading = false; // the kernel is busy or gone: what it tells next shows what is missing
    }
  }

  #look() {
    return { op: "read", talk: this.#talk, from: this.messages.length, ask: `look ${this.#refs()}` };
  }

  /** Messages of a comm may be dropped: where none comes any more of what is not done, the kernel is asked where it stands. */
  #heal(pause = HEAL_MS) {
    clearTimeout(this.#healing);
    if (this.gone || !(this.busy || this.pending)) return;
    this.#healing = setTimeout(() => {
      this.#guarded(() => this.#model.send(this.#look()));
      this.#heal(Math.min(2 * pause, LONGEST_HEAL_MS));
    }, pause);
  }

  /** @param {News} news */
  #take(news) {
    this.gone = false;
    if (news.talk !== this.#talk) this.#begin(news.talk);
    if (news.from <= this.messages.length) this.messages.splice(news.from, news.nodes.length, ...this.#kept(news));
    const { leaf, turns, system, options, tools, kept = false } = news;
    Object.assign(this, { leaf, turns, system, options, tools, kept });
    for (const turn of turns) this.#follow(turn);
    if (this.pending && this.messages.length > this.pending.count) this.pending = null;
    if (this.messages.length < news.count) this.#read();
    this.#heal();
    this.changed();
  }

  /** Messages that are known stay the same objects. @param {News} news */
  #kept({ from, nodes }) {
    return nodes.map((node, i) => this.messages[from + i] ?? node);
  }

  /** @param {string} talk */
  #begin(talk) {
    this.#talk = talk;
    this.messages = [];
    this.deleted = null;
    this.#keys.clear();
  }

  /** @param {Turn} turn */
  #follow({ key, first, runs }) {
    if (first !== null) this.#keys.set(first, key);
    runs.forEach((run, round) => {
      const place = `${key} ${round}`;
      const known = this.#sessions.get(place) ?? this.#open(place, run);
      known.run.update(run);
      if (run.stream) this.#byStream.set(run.stream, known.session);
    });
  }

  /** @param {string} place @param {Run} run */
  #open(place, run) {
    const model = new RunModel(this.#model, run);
    const session = new Session(/** @type {AnyModel<any>} */ (/** @type {unknown} */ (model)), this.#signal, this.#transports, { upgrades: true });
    const opened = { run: model, session };
    this.#sessions.set(place, opened);
    for (const { view, signal } of this.#views) session.subscribe(view, signal);
    return opened;
  }

  /** @param {Turn} turn */
  #sessionsOf({ key, runs }) {
    return runs.map((_, round) => /** @type {{session: Session}} */ (this.#sessions.get(`${key} ${round}`)).session);
  }

  /** Of a message whose stream this page has read to its end. @param {Message} message */
  #sessionOf({ stream = "" }) {
    const session = this.#byStream.get(stream);
    return session?.state.terminal ? session : null;
  }

  /** @param {Message} message */
  #pastOf(message) {
    const known = this.#pasts.get(message) ?? new Past(message);
    this.#pasts.set(message, known);
    return known;
  }

  /** An answer that was seen coming keeps its place. @param {Answer} answer */
  #keyOf({ key, first }) {
    return this.#keys.get(first) ?? key;
  }

  #lost() {
    this.gone = true;
    this.pending = null;
    this.changed();
  }

  /** @param {() => void} tell */
  #guarded(tell) {
    try {
      tell();
    } catch {
      this.#lost();
    }
  }
}

/** One stream of a turn, as the model that a session reads. */
class RunModel {
  #model;
  #run;
  /** @type {[string, () => void][]} */
  #listeners = [];

  /** @param {AnyModel<any>} model @param {Run} run */
  constructor(model, run) {
    this.#model = model;
    this.#run = run;
  }

  /** @param {keyof Run} name */
  get(name) {
    return this.#run[name];
  }

  /** @param {string} event @param {() => void} listener */
  on(event, listener) {
    this.#listeners.push([event.replace("change:", ""), listener]);
  }

  /** @param {any} message */
  send(message) {
    this.#model.send(message);
  }

  /** @param {Run} run */
  update(run) {
    const was = /** @type {Record<string, any>} */ (this.#run);
    this.#run = run;
    for (const [name, listener] of this.#listeners) if (was[name] !== this.get(/** @type {keyof Run} */ (name))) listener();
  }
}
