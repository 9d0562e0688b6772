// The session bar as it is seen: what runs, then what is folded: finished streams, hosts.

import { h, setText } from "../lib/dom.js";
import { painter } from "../lib/paint.js";
import { Session, transportsOf } from "../lib/session.js";
import { reasonOf } from "../lib/transport.js";
import { Card } from "../stream/card.js";
import { Item } from "./item.js";
import { hostsTitle, keyWords, limitWords } from "./words.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Run } from "../lib/session.js" */
/** @import { Brief, Host, Seen, Source } from "./source.js" */

const FINISHED = 50; // of the newest; those before them are counted
const NEAR = 0.8; // of a limit
const TICK_MS = 100;

export class Bar {
  #model;
  #source;
  #signal;
  #wake;
  /** @type {Map<string, Item>} */
  #items = new Map();
  /** @type {Brief[]} */
  #streams = [];
  /** The stream that is shown below. @type {{stream: string, gone: AbortController} | null} */
  #opened = null;
  #count = h("span", "tw-s-count");
  #limits = h("span", "tw-s-limits");
  #stopAll = h("button", "tw-button", "Stop all");
  #problem = h("p", "tw-s-problem");
  #running = h("div", "tw-s-list");
  #finishedTitle = h("summary", "");
  #finishedList = h("div", "tw-s-list");
  #finished = h("details", "tw-s-fold", this.#finishedTitle, this.#finishedList);
  #hostsTitle = h("summary", "");
  #hostList = h("dl", "tw-s-hosts");
  #hosts = h("details", "tw-s-fold", this.#hostsTitle, this.#hostList);
  #below = h("div", "tw-s-below");
  root = h(
    "div",
    "tw-s",
    h(
      "div",
      "tw-card tw-s-card",
      h("div", "tw-s-head", h("span", "tw-s-title", "Sessions"), this.#count, h("span", "tw-s-right", this.#limits, this.#stopAll)),
      this.#problem,
      this.#running,
      this.#finished,
      this.#hosts,
    ),
    this.#below,
  );

  /**
   * @param {AnyModel<any>} model
   * @param {Source} source
   * @param {AbortSignal} signal
   * @param {() => void} wake look again now
   */
  constructor(model, source, signal, wake) {
    this.#model = model;
    this.#source = source;
    this.#signal = signal;
    this.#wake = wake;
    this.root.setAttribute("role", "group");
    this.root.ariaLabel = "Sessions";
    this.#problem.setAttribute("role", "status");
    for (const list of [this.#running, this.#finishedList]) list.setAttribute("role", "list");
    this.#stopAll.type = "button";
    for (const control of [this.#stopAll, this.#finishedTitle, this.#hostsTitle]) control.dataset.lmSuppressShortcuts = "true";
    this.#stopAll.addEventListener("click", () => this.#stop(this.#streams.filter(({ state }) => state === "running")));
    this.#stopAll.hidden = this.#finished.hidden = this.#hosts.hidden = this.#problem.hidden = true;
    setText(this.#count, "looking");
  }

  /** @param {Seen} seen */
  draw({ streams, hosts, limits, used, problem }) {
    this.#tell(problem ?? "");
    if (problem) return;
    this.#streams = streams;
    const running = streams.filter(({ state }) => state === "running").reverse();
    const finished = streams.filter(({ state }) => state !== "running").reverse();
    setText(this.#count, running.length ? `${running.length} running` : "nothing runs");
    this.#stopAll.hidden = running.length === 0;
    this.#drawLimits(limitWords(used, limits));
    this.#finished.hidden = finished.length === 0;
    setText(this.#finishedTitle, `${finished.length} finished`);
    this.#list(this.#running, running);
    this.#list(this.#finishedList, finished.slice(0, FINISHED));
    this.#forget(new Set([...running, ...finished.slice(0, FINISHED)].map(({ id }) => id)));
    this.#drawHosts(hosts);
  }

  close() {
    this.#opened?.gone.abort();
  }

  /** @param {string} problem */
  #tell(problem) {
    setText(this.#problem, problem);
    this.#problem.hidden = problem === "";
  }

  /** @param {ReturnType<typeof limitWords>} limits */
  #drawLimits(limits) {
    while (this.#limits.childElementCount > limits.length) this.#limits.lastElementChild?.remove();
    limits.forEach(({ share, words }, i) => {
      const shown = /** @type {HTMLElement} */ (this.#limits.children[i] ?? this.#limits.appendChild(h("span", "tw-s-limit")));
      setText(shown, words);
      shown.toggleAttribute("data-near", share >= NEAR);
    });
  }

  /** Only what moved is moved, so that a button that has the focus keeps it. @param {HTMLElement} list @param {Brief[]} streams */
  #list(list, streams) {
    streams.forEach((stream, i) => {
      const item = this.#item(stream.id);
      item.draw(stream, this.#opened?.stream === stream.id);
      if (list.children[i] !== item.root) list.insertBefore(item.root, list.children[i] ?? null);
    });
  }

  /** @param {string} stream */
  #item(stream) {
    const known = this.#items.get(stream);
    if (known) return known;
    const item = new Item();
    item.stop.addEventListener("click", () => this.#stop(this.#streams.filter(({ id }) => id === stream)));
    item.open.addEventListener("click", () => this.#open(stream));
    this.#items.set(stream, item);
    return item;
  }

  /** @param {Set<string>} known */
  #forget(known) {
    for (const [stream, { root }] of this.#items) {
      if (known.has(stream)) continue;
      root.remove();
      this.#items.delete(stream);
    }
  }

  /** @param {Host[]} hosts */
  #drawHosts(hosts) {
    const title = hostsTitle(hosts);
    this.#hosts.hidden = hosts.length === 0;
    const told = JSON.stringify(hosts.map((host) => [host.name, keyWords(host)]));
    if (this.#hostList.dataset.told === told) return;
    this.#hostList.dataset.told = told;
    setText(this.#hostsTitle, title);
    this.#hostList.replaceChildren(
      ...hosts.flatMap((host) => {
        const state = h("dd", "", keyWords(host));
        state.dataset.key = host.key.present ? "present" : host.key.problem ? "unusable" : "";
        return [h("dt", "", host.name), state];
      }),
    );
  }

  /** @param {Brief[]} streams */
  async #stop(streams) {
    for (const { id } of streams) this.#item(id).stop.disabled = true;
    const answers = await Promise.allSettled(streams.map(({ id }) => this.#source.stop(id)));
    for (const { id } of streams) this.#item(id).stop.disabled = false;
    const failed = answers.find((answer) => answer.status === "rejected");
    if (failed) this.#tell(reasonOf(failed.reason));
    this.#wake();
  }

  /** Show a stream below, or no more. @param {string} stream */
  async #open(stream) {
    const closes = this.#opened?.stream === stream;
    this.close();
    this.#below.replaceChildren();
    this.#opened = closes ? null : { stream, gone: new AbortController() };
    this.#wake();
    if (this.#opened) await this.#show(this.#opened).catch((error) => this.#tell(reasonOf(error)));
  }

  /** @param {{stream: string, gone: AbortController}} opened */
  async #show({ stream, gone }) {
    const place = await this.#source.open(stream);
    if (gone.signal.aborted) return;
    const signal = AbortSignal.any([this.#signal, gone.signal]);
    const session = new Session(reading(this.#model, { stream, place }), signal, transportsOf(this.#model));
    const card = new Card({ sessions: [session] });
    this.#below.append(card.root);
    const timer = setInterval(() => {
      if (!session.over && !document.hidden) card.tick();
    }, TICK_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    session.subscribe(painter(() => card.draw(), card.root, signal), signal);
  }
}

/**
 * A model as a session knows one, of any stream.
 * @param {AnyModel<any>} model
 * @param {Pick<Run, "stream" | "place">} of
 * @returns {AnyModel<Run>}
 */
function reading(model, of) {
  /** @type {Record<string, any>} */
  const run = { model: "", transport: "auto", ended: -1, error: "", ...of };
  return /** @type {any} */ ({ get: (/** @type {string} */ name) => run[name], on: () => {}, send: (/** @type {any} */ message) => model.send(message) });
}
