// A talk: the user's sound to the session, the answer's to the loudspeaker, and what state they are in. Any number of views look at it.

import { reasonOf } from "../lib/transport.js";
import { begun } from "./begun.js";
import { Capture, microphones } from "./capture.js";
import { companion } from "./companion.js";
import { explain } from "./explain.js";
import { Readings } from "./readings.js";
import { Sender } from "./sender.js";
import { Way } from "./way.js";
import { sentence } from "./words.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Ask } from "../lib/ask.js" */
/** @import { Session } from "../lib/session.js" */
/** @import { Runs } from "../lib/runs.js" */
/** @import { StreamEvent } from "../lib/messages.js" */
/** @import { Audio, Device, Source } from "./capture.js" */
/** @import { Problem } from "./explain.js" */
/** @import { Frame } from "./processor.js" */

/** @typedef {"off" | "opening" | "preview" | "recording" | "idle" | "listening" | "thinking" | "speaking"} State */
/** @typedef {"off" | "opening" | "preview" | "recording" | "talking"} Doing */

const GATHER_MS = 100; // of sound in a message that costs more than one on a socket
const RECORDED_MS = 250; // of sound in a message to the clip recorder
const RECORDED_S = 600; // the longest clip

export class Talk {
  /** The session this page speaks in. @type {Session | null} */
  session = null;
  /** @type {Problem | null} */
  problem = null;
  /** Loudness of what is heard now, from 0 to 1. */
  level = 0;
  /** @type {Device[]} */
  devices = [];
  /** @type {Source} */
  source = { device: "" };
  /** Whether the button is held. */
  held = false;
  muted = false;
  /** How much was recorded, s. */
  seconds = 0;
  /** @type {Capture | null} */
  #capture = null;
  /** @type {Doing} */
  #doing = "off";
  /** What was begun since: an older beginning gives up. */
  #attempt = 0;
  #readings;
  #way;
  #sender;
  #model;
  #runs;
  #ask;
  #audio;
  /** @type {Set<() => void>} */
  #views = new Set();

  /**
   * @param {object} options
   * @param {AnyModel<any>} options.model
   * @param {Runs} options.runs
   * @param {Ask} options.ask
   * @param {Audio} options.audio
   * @param {AbortSignal} options.signal
   */
  constructor({ model, runs, ask, audio, signal }) {
    this.#model = model;
    this.#runs = runs;
    this.#ask = ask;
    this.#audio = audio;
    this.#readings = new Readings(runs, (session, event) => void (session === this.session && this.#take(event)));
    this.#way = new Way(
      audio,
      (block, at, more) => this.#played(block, at, more),
      () => this.#changed(),
    );
    this.#sender = new Sender(
      (input) => this.#give(input),
      () => (this.recorder ? RECORDED_MS : this.session?.route?.transport === "ws" ? 0 : GATHER_MS),
    );
    runs.subscribe(() => this.#news(), signal);
    audio.devices?.addEventListener?.("devicechange", () => this.look(), { signal });
    globalThis.addEventListener?.("pagehide", () => this.end(), { signal });
    signal.addEventListener("abort", () => this.end());
    model.on("change:hands_free", () => this.#turned());
    this.look();
  }

  /** Whether sound is only kept, and nobody answers. */
  get recorder() {
    return this.#model.get("record");
  }

  get handsFree() {
    return this.#model.get("hands_free");
  }

  /** Whether speech ends an answer. */
  get interruptible() {
    return this.#model.get("interrupt");
  }

  /** @returns {State} */
  get state() {
    if (this.#doing !== "talking") return this.#doing;
    const open = this.spoken?.open;
    if (this.#way.sounding) return "speaking";
    if (open && (open.instants.first_sound ?? open.instants.first_token) !== undefined) return "speaking";
    if (open && !this.spoken?.hearing) return "thinking";
    return this.muted || !(this.handsFree || this.held) ? "idle" : "listening";
  }

  /** What was said in the session this page speaks in. */
  get spoken() {
    return this.#readings.of(this.session);
  }

  /** All turns, those of earlier sessions first. */
  get turns() {
    return this.#readings.turns;
  }

  get path() {
    return this.#way.path;
  }

  get volume() {
    return this.#way.volume;
  }

  set volume(volume) {
    this.#way.volume = volume;
  }

  /** Draw when something changed. @param {() => void} view @param {AbortSignal} signal */
  subscribe(view, signal) {
    this.#views.add(view);
    signal.addEventListener("abort", () => {
      this.#views.delete(view);
      if (this.#views.size === 0) this.end(); // nobody sees that it listens
    });
  }

  /** Which microphones there are. */
  async look() {
    this.devices = await microphones(this.#audio).catch(() => []);
    this.#changed();
  }

  // ---- what the user does

  /** Begin to talk; joins the session that runs, if one does. */
  begin() {
    return this.recorder ? this.#startRecording() : this.#startTalking();
  }

  /** End it: the device is given back, and the session ends. */
  async end() {
    const { session } = this;
    if (this.#doing === "recording") {
      this.#sender.send({ type: "commit" });
      await this.#sender.done;
    }
    this.#release();
    session?.stop();
  }

  /** Press and hold: what is said meanwhile is a turn. */
  async hold() {
    if (this.held) return;
    this.held = true;
    if (this.#doing !== "talking") await this.begin();
    else {
      this.interrupt();
      if (this.#way.carries) this.#sender.send({ type: "clear" }); // a track carries the silence between turns too
    }
    this.#way.mute(this.#silent);
    this.#changed();
  }

  /** Let go: the turn is over, and to be answered. */
  release() {
    if (!this.held) return;
    this.held = false;
    if (this.#doing === "talking" || this.#doing === "opening") {
      this.#sender.send({ type: "commit" });
      this.#sender.send({ type: "respond" });
    }
    this.#way.mute(this.#silent);
    this.#changed();
  }

  /** Cut the answer off: what of it was not heard was not said. */
  interrupt() {
    const heard = this.#way.cut(this.spoken);
    if (heard || this.state === "speaking" || this.state === "thinking") this.#sender.send({ type: "interrupt", ...heard });
    this.#changed();
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    this.#way.mute(this.#silent);
    this.#changed();
  }

  /** See the level before anything is sent; again to end that. */
  async preview() {
    if (this.#doing === "preview") return this.#release();
    await this.#opened("preview");
  }

  /** Listen to something else from now on. @param {Source} source */
  async choose(source) {
    this.source = source;
    this.problem = null;
    const doing = this.#doing;
    if (doing === "off" || doing === "opening") return this.#changed(); // what opens now takes it once it is there
    this.#capture?.close();
    await this.#opened(doing);
    await this.#way.replace(this.#capture);
  }

  /** Offer a page of its own, where this one has no microphone. */
  async leave() {
    this.problem = await companion(this.#ask, this).catch((error) => ({ title: "No companion page", words: sentence(reasonOf(error)) }));
    this.#changed();
  }

  /** Say why something did not work. @param {unknown} error */
  refuse(error) {
    this.problem = { title: "That did not work", words: sentence(reasonOf(error)) };
    this.#changed();
  }

  // ---- how it comes to that

  async #startTalking() {
    const attempt = ++this.#attempt;
    const { source } = this;
    const ready = this.#way.ready(); // within the click, or it may not be let
    ready.catch(() => {}); // it is closed again where no source opens
    await this.#opened("opening", attempt);
    if (attempt !== this.#attempt || !this.#capture) return;
    try {
      await ready;
      const session = this.#running() ?? (await begun(this.#ask, this.#runs, () => this.#tell({ op: "news" })));
      if (attempt !== this.#attempt) return session.stop();
      this.session = session;
      const way = this.#way.open(this.#model.get("path"), session, this.#capture);
      const opened = way.then(() => this.#way.mute(this.#silent));
      if (this.#model.get("path") === "provider") await opened; // the session is held elsewhere until then: half a sentence would go there
      if (attempt !== this.#attempt) return;
      this.#doing = "talking";
      this.#sender.open(this.#way.carries);
      if (source !== this.source) await this.choose(this.source); // it was chosen meanwhile
    } catch (error) {
      if (attempt === this.#attempt) this.#fail({ title: "No session", words: sentence(reasonOf(error)) });
    }
    this.#changed();
  }

  async #startRecording() {
    this.seconds = 0;
    this.#tell({ op: "record" });
    this.#sender.open();
    await this.#opened("recording");
  }

  /** Open the source. @param {Doing} doing what for */
  async #opened(doing, attempt = ++this.#attempt) {
    this.problem = null;
    this.#doing = doing;
    this.#capture?.close();
    this.#capture = null;
    this.#changed();
    try {
      const capture = await Capture.open(this.source, {
        audio: this.#audio,
        onFrame: (frame) => this.#frame(frame),
        onLost: () => this.#fail(explain(new DOMException("", "NotFoundError"))),
      });
      if (attempt !== this.#attempt) return capture.close();
      this.#capture = capture;
      this.look(); // labels are known from now on
    } catch (error) {
      if (attempt === this.#attempt) this.#fail(explain(error));
    }
  }

  /** The session that is open, if one is: another page's, or one begun from Python. */
  #running() {
    return this.#runs.sessions.findLast(({ over, stream }) => !over && stream);
  }

  /** The mode was changed: who finds the end of a turn. */
  #turned() {
    if (this.#doing === "talking") this.#sender.send({ type: "update", settings: { turn_detection: this.handsFree ? "server" : "none" } });
    this.#way.mute(this.#silent);
    this.#changed();
  }

  // ---- sound and events

  get #silent() {
    return this.muted || !(this.handsFree || this.held);
  }

  /** @param {Frame & {rate: number}} frame */
  #frame({ pcm, peak, rate }) {
    this.level = this.muted ? 0 : peak;
    for (const view of this.#views) view();
    const spoken = this.#doing === "recording" || ((this.#doing === "talking" || this.#doing === "opening") && (this.handsFree || this.held));
    if (!spoken || this.#way.carries) return;
    this.seconds += pcm.byteLength / 2 / rate;
    if (this.recorder && this.seconds >= RECORDED_S) this.end();
    this.#sender.sound(this.muted ? new ArrayBuffer(pcm.byteLength) : pcm, rate); // silence is sound too: it ends a turn
  }

  /** @param {any} input */
  async #give(input) {
    if (this.recorder) {
      this.#tell(input.type === "audio" ? { op: "heard", delta: input.delta, rate: input.rate } : { op: "recorded" });
    } else await this.session?.give(input);
  }

  #news() {
    this.#readings.read();
    if (this.session?.over && this.#doing === "talking") this.#over(this.session);
    this.#changed();
  }

  /** @param {StreamEvent} event */
  #take(event) {
    if (event.type === "speech" && this.#cuts(event.state)) this.#bargeIn();
    this.#way.take(event);
  }

  /** Whether the answer is cut off: when the server says so, and at once by speech where that ends an answer. @param {string} state */
  #cuts(state) {
    return state === "interrupted" || (state === "started" && this.interruptible);
  }

  /** The user speaks: what sounds is cut off, also where the server gave all of it long ago. Of a track the server knows by itself. */
  #bargeIn() {
    if (this.#way.carries) return;
    const heard = this.#way.cut(this.spoken);
    if (heard) this.#sender.send({ type: "interrupt", ...heard });
  }

  /** @param {number | null} block where none is named, the newest @param {number} at µs of the page's clock @param {number} more by which it may be wrong */
  async #played(block, at, more) {
    const { session } = this;
    const turn = this.spoken?.turns.findLast((each) => each.block !== null);
    if (block === null && turn && "played" in turn.instants) return; // a pause within it
    await session?.align();
    const { zero, uncertainty } = session?.clock ?? { zero: NaN, uncertainty: NaN };
    const of = block ?? turn?.block ?? null;
    if (of === null || Number.isNaN(zero)) return; // a copy of a stream has no clock
    this.#sender.send({ type: "played", block: of, at: Math.max(0, Math.round(at - zero)), uncertainty: Math.ceil(uncertainty + more) });
  }

  // ---- the end

  /** @param {Session} session */
  #over(session) {
    const { terminal } = session.state;
    const words = session.failure || (terminal?.type === "error" ? terminal.message : "");
    if (words) this.#fail({ title: "The session ended", words: sentence(words) });
    else this.#release();
  }

  /** @param {Problem} problem */
  #fail(problem) {
    const { session } = this;
    this.#release();
    session?.stop();
    this.problem = problem;
    this.#changed();
  }

  /** Whatever was taken is given back. */
  #release() {
    this.#attempt += 1;
    this.#doing = "off";
    this.#capture?.close();
    this.#capture = null;
    this.#way.close();
    this.#sender.close();
    this.session = null;
    this.level = 0;
    this.held = false;
    this.#changed();
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
