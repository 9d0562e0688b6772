// A lane: one reader of one stream, seen on the race's clock.

import { figures } from "../lib/figures.js";
import { LABELS, MARKS } from "../lib/transport.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { Runs } from "../lib/runs.js" */
/** @import { Session } from "../lib/session.js" */
/** @import { TransportName } from "../lib/transport.js" */
/** @import { Reading } from "./lead.js" */

/** Beyond these a lane's arrivals are not kept. */
export const ARRIVALS = 20_000;

const LETTERS = "ABCDEFGH";

/**
 * The lanes from top to bottom. Their runs stand in the order in which they attach.
 * @param {AnyModel<any>} model
 * @param {Runs} runs
 */
export function lanesOf(model, runs) {
  /** @type {number[]} */
  const rows = model.get("rows") ?? [];
  /** @type {number[][]} */
  const arrivals = model.get("arrivals") ?? [];
  const told = arrivals.some(({ length }) => length > 0);
  const lanes = rows.filter((run) => runs.sessions[run]).map((run) => new Lane(runs.sessions[run], model.get("runs")[run], told ? arrivals[run] : null));
  for (const lane of lanes) lane.rivals = lanes.filter((other) => other.stream === lane.stream);
  const models = [...new Set(lanes.map(({ session }) => session.model))];
  for (const lane of lanes) lane.letter = models.length > 1 ? LETTERS[models.indexOf(lane.session.model) % LETTERS.length] : "";
  return lanes;
}

/** As it is at one moment. */
export class Lane {
  /** All lanes that read its stream, itself among them. @type {Lane[]} */
  rivals = [];
  /** Of its model, where there are several. */
  letter = "";
  /** @type {number[] | null} */
  #instants = null;
  #transport;
  #failure;
  #kept;

  /**
   * @param {Session} session
   * @param {{stream: string, transport: TransportName | "auto", failure?: string}} run
   * @param {number[] | null} kept its arrivals as the kernel keeps them, once a page has told
   */
  constructor(session, run, kept) {
    this.session = session;
    this.stream = run.stream;
    this.#transport = run.transport;
    this.#failure = run.failure ?? "";
    this.#kept = kept;
  }

  get label() {
    return this.session.label;
  }

  /** Whether other lanes read the same stream over other ways. */
  get shared() {
    return this.rivals.length > 1;
  }

  /** @returns {TransportName | null} where that is what is raced */
  get transport() {
    return this.shared && this.#transport !== "auto" ? this.#transport : null;
  }

  get mark() {
    return this.transport ? MARKS[this.transport] : this.letter || "▬";
  }

  /** Why it did not come to the stream's end; empty where it did, or is still on its way. */
  get failure() {
    const { session, transport } = this;
    if (this.#failure) return this.#failure;
    if (session.left) return "left before the end";
    return session.failure && transport ? `no ${LABELS[transport]}: ${session.failure}` : session.failure;
  }

  /** Page time of each event, µs. */
  get arrived() {
    return this.#kept ?? this.session.arrived;
  }

  /** Page time at which the stream's attempt began, as far as this reader can tell; µs. */
  get #began() {
    return performance.now() * 1000 - this.session.now();
  }

  /** The instants of its content: as they came to this page where ways are raced, else as the provider sent them. @returns {number[]} */
  get instants() {
    return (this.#instants ??= this.#found());
  }

  #found() {
    const { state, events } = this.session;
    if (!this.shared) return state.ats;
    const { arrived, origin } = this;
    return events.flatMap((event, i) => (isContent(event) && i < arrived.length ? [arrived[i] - origin] : []));
  }

  /** Its stream's beginning, the same for all lanes that read it; on the clock of `arrived`, µs. */
  get origin() {
    if (this.#kept) return 0;
    return Math.min(...this.rivals.filter(({ session }) => session.events.length).map((rival) => rival.#began));
  }

  /** When it came to the stream's end, on the same clock as `instants`; null until then. */
  get end() {
    const { terminal } = this.session.state;
    if (!terminal) return null;
    if (!this.shared) return terminal.at;
    const at = this.arrived[this.session.events.length - 1];
    return at === undefined ? null : at - this.origin;
  }

  /** @returns {Reading} */
  get reading() {
    const { session } = this;
    const broken = session.state.terminal?.type === "error";
    const first = broken ? null : figures(session.state).first_token_us;
    return { stream: this.stream, arrived: this.arrived, failed: this.failure !== "", first };
  }
}

const CONTENT = new Set(["text", "reasoning", "refusal", "tool", "audio", "transcript"]);

/** Whether the reducer counts it as a chunk. @param {StreamEvent} event */
const isContent = ({ type, role, delta }) => CONTENT.has(type) && Boolean(delta) && !(type === "transcript" && role === "user");
