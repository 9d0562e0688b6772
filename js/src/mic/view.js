// The widget as it is seen.

import { Announcer } from "../lib/announce.js";
import { h, setHidden, setText } from "../lib/dom.js";
import { clock } from "../lib/figures.js";
import { LABELS, MARKS } from "../lib/transport.js";
import { RoundButton } from "./button.js";
import { SourcePicker } from "./source.js";
import { Turns } from "./turns.js";
import { SOUNDS, STATES, hint } from "./words.js";

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Runs } from "../lib/runs.js" */
/** @import { Clips } from "./clips.js" */
/** @import { Talk } from "./talk.js" */

export class View {
  #model;
  #runs;
  #talk;
  #clips;
  #button;
  #source;
  #turns = new Turns();
  #name = h("span", "tw-m-model");
  #tag = h("span", "tw-tag");
  #mark = h("span", "tw-mark");
  #way = h("span", "");
  #badge = h("span", "tw-badge", this.#mark, this.#way);
  #word = h("strong", "tw-m-word");
  #hint = h("span", "tw-m-hint");
  #interrupt = button("Interrupt");
  #title = h("strong", "");
  #words = h("p", "");
  #again = button("Try again");
  #file = button("Use a file…");
  #sample = button("Use a clip");
  #companion = button("Companion page");
  #link = h("a", "tw-m-link");
  #ways = h("div", "tw-m-ways", this.#again, this.#file, this.#sample, this.#companion, this.#link);
  #problem = h("div", "tw-m-problem", this.#title, this.#words, this.#ways);
  #preview = button("Check");
  #mode = h("select", "tw-m-select");
  #mute = button("Mute");
  #volume = h("input", "tw-m-volume");
  #live = h("div", "tw-live");
  #announcer = new Announcer(this.#live);
  #announced = 0;
  #said = "";
  root = h("div", "tw-card tw-mic");

  /** @param {{model: AnyModel<any>, runs: Runs, talk: Talk, clips: Clips}} of */
  constructor({ model, runs, talk, clips }) {
    this.#model = model;
    this.#runs = runs;
    this.#talk = talk;
    this.#clips = clips;
    this.#button = new RoundButton(talk);
    this.#source = new SourcePicker(talk, clips);
    this.#build();
    this.#announced = talk.turns.length;
    this.root.setAttribute("role", "group");
    this.root.ariaLabel = talk.recorder ? "Clip recorder" : "Microphone";
    this.root.dataset.lmSuppressShortcuts = "true";
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.#live.setAttribute("aria-live", "polite");
    this.#problem.setAttribute("role", "alert");
    this.#listen();
  }

  #build() {
    const head = h("div", "tw-m-head", this.#name, this.#tag, h("span", "tw-m-space"), this.#badge);
    const stage = h("div", "tw-m-stage-of", this.#button.root, this.#word, this.#hint, this.#interrupt);
    this.#mode.append(option("true", "Hands-free"), option("false", "Hold to talk"));
    this.#mode.ariaLabel = "How turns are taken";
    Object.assign(this.#volume, { type: "range", min: "0", max: "1", step: "0.05", ariaLabel: "Volume", title: "Volume" });
    Object.assign(this.#link, { target: "_blank", rel: "noopener" });
    this.#preview.title = "See the level before anything is sent";
    const answered = this.#talk.recorder ? [] : [this.#mode, this.#mute, this.#volume];
    const foot = h("div", "tw-m-foot", this.#source.root, this.#preview, h("span", "tw-m-space"), ...answered);
    this.root.append(head, stage, this.#problem, this.#turns.root, foot, this.#live);
  }

  #listen() {
    const talk = this.#talk;
    this.#interrupt.addEventListener("click", () => talk.interrupt());
    this.#again.addEventListener("click", () => talk.begin());
    this.#file.addEventListener("click", () => this.#source.pick());
    this.#sample.addEventListener("click", () => this.#clips.choose());
    this.#companion.addEventListener("click", () => talk.leave());
    this.#preview.addEventListener("click", () => talk.preview());
    this.#mute.addEventListener("click", () => talk.mute(!talk.muted));
    this.#volume.addEventListener("input", () => (talk.volume = Number(this.#volume.value)));
    this.#mode.addEventListener("change", () => {
      this.#model.set("hands_free", this.#mode.value === "true");
      this.#model.save_changes();
    });
  }

  draw() {
    const { state, muted, handsFree, interruptible, recorder, turns, seconds } = this.#talk;
    this.root.dataset.state = state;
    this.root.toggleAttribute("data-muted", muted);
    const recorded = recorder && seconds > 0;
    setText(this.#word, STATES[state] + (recorded ? ` ${clock(seconds * 1_000_000)}` : ""));
    setText(this.#hint, hint(state, { handsFree, interruptible, muted, recorder, again: recorded || turns.length > 0 }));
    this.#interrupt.classList.toggle("tw-m-away", state !== "speaking");
    this.#interrupt.disabled = state !== "speaking";
    setHidden(this.#interrupt, recorder || state === "off" || state === "preview");
    this.#button.draw();
    this.#source.draw();
    this.#turns.draw(turns);
    this.#drawHead();
    this.#drawProblem();
    this.#drawFoot();
    this.#announce();
  }

  #drawHead() {
    const session = this.#talk.session ?? this.#runs.sessions.at(-1);
    const name = session?.model || this.#model.get("model");
    setText(this.#name, this.#talk.recorder ? "Clip recorder" : name);
    setText(this.#tag, session?.state.simulated || name.startsWith("sim/") ? "simulated" : "");
    const { path } = this.#talk;
    const transport = path.name === "worklet" ? session?.route?.transport : "webrtc";
    setHidden(this.#badge, !transport || this.#talk.recorder);
    if (!transport) return;
    this.#badge.dataset.transport = transport;
    setText(this.#mark, MARKS[transport]);
    setText(this.#way, LABELS[transport] + (path.name === "provider" ? " to the provider" : ""));
    this.#badge.title = `${SOUNDS[path.name]}, ${path.why}. Events over ${LABELS[session?.route?.transport ?? transport]}, ${session?.route?.why ?? ""}.`;
  }

  #drawProblem() {
    const { problem } = this.#talk;
    setHidden(this.#problem, !problem);
    setText(this.#title, problem?.title ?? "");
    setText(this.#words, problem?.words ?? "");
    setHidden(this.#sample, this.#clips.named.length === 0);
    setHidden(this.#companion, !problem?.companion || this.#talk.recorder);
    setHidden(this.#link, !problem?.link);
    setText(this.#link, problem?.link?.words ?? "");
    if (problem?.link) this.#link.href = problem.link.address;
  }

  #drawFoot() {
    const { state, muted, handsFree, volume } = this.#talk;
    setText(this.#preview, state === "preview" ? "Stop checking" : "Check");
    setHidden(this.#preview, state !== "off" && state !== "preview");
    this.#mode.value = String(handsFree);
    setText(this.#mute, muted ? "Unmute" : "Mute");
    this.#mute.setAttribute("aria-pressed", String(muted));
    if (Number(this.#volume.value) !== volume) this.#volume.value = String(volume);
  }

  /** A turn once it is over, and what must not be missed. */
  #announce() {
    const { problem, turns, state } = this.#talk;
    const words = problem ? `${problem.title}. ${problem.words}` : state === "listening" || state === "off" ? STATES[state] : this.#said;
    if (words !== this.#said) this.#announcer.say((this.#said = words));
    for (let turn = turns[this.#announced]; turn?.status; turn = turns[++this.#announced]) {
      this.#announcer.say(`You said: ${turn.heard || "nothing that was understood."} Answer: ${turn.said || "none."}`);
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { state } = this.#talk;
    if (event.key !== "Escape" || state === "off") return;
    event.preventDefault();
    event.stopPropagation();
    if (state === "speaking") this.#talk.interrupt();
    else this.#talk.end();
  }
}

/** @param {string} words */
function button(words) {
  const made = h("button", "tw-button", words);
  made.type = "button";
  return made;
}

/** @param {string} value @param {string} words */
function option(value, words) {
  const made = h("option", "", words);
  made.value = value;
  return made;
}
