// Where the sound comes from: a microphone, a file, or a clip that the kernel has.

import { h } from "../lib/dom.js";

/** @import { Talk } from "./talk.js" */
/** @import { Clips } from "./clips.js" */

const FILE = "file";

export class SourcePicker {
  #talk;
  #clips;
  #select = h("select", "tw-m-select");
  #file = h("input", "");
  /** Name of the file that was chosen. */
  #name = "";
  #told = "";
  root = h("span", "tw-m-source", this.#select, this.#file);

  /** @param {Talk} talk @param {Clips} clips */
  constructor(talk, clips) {
    this.#talk = talk;
    this.#clips = clips;
    this.#select.ariaLabel = "Sound from";
    this.#file.type = "file";
    this.#file.accept = "audio/*";
    this.#file.hidden = true;
    this.#select.addEventListener("change", () => this.#chosen());
    this.#file.addEventListener("change", () => this.#read());
    this.#file.addEventListener("cancel", () => this.draw(true));
  }

  /** Let the user pick a file. */
  pick() {
    this.#file.value = "";
    this.#file.click();
  }

  draw(again = false) {
    const { devices } = this.#talk;
    const told = JSON.stringify([devices, this.#name, this.#clips.named, this.#clips.chosen]);
    if (told === this.#told && !again) return;
    this.#told = told;
    const microphones = devices.map(({ id, label }, i) => option(`device ${id}`, label || `Microphone ${i + 1}`));
    const clips = this.#clips.named.map(([name, words]) => option(`clip ${name}`, words));
    this.#select.replaceChildren(
      group("Microphones", option("device ", "Default microphone"), ...microphones),
      group("In place of one", option(FILE, this.#name || "A file of sound…"), ...clips),
    );
    this.#select.value = this.#value();
    if (this.#select.selectedIndex < 0) this.#select.selectedIndex = 0;
  }

  #value() {
    const { source } = this.#talk;
    if ("device" in source) return `device ${source.device}`;
    return this.#clips.chosen ? `clip ${this.#clips.chosen}` : FILE;
  }

  #chosen() {
    const { value } = this.#select;
    if (value === FILE) this.pick();
    else if (value.startsWith("clip ")) this.#clips.choose(value.slice("clip ".length));
    else {
      this.#clips.chosen = "";
      this.#talk.choose({ device: value.slice("device ".length) });
    }
  }

  async #read() {
    const file = this.#file.files?.[0];
    if (!file) return;
    this.#name = file.name;
    this.#clips.chosen = "";
    await this.#talk.choose({ clip: await file.arrayBuffer() });
    this.draw();
  }
}

/** @param {string} label @param {...HTMLOptionElement} options */
function group(label, ...options) {
  const made = h("optgroup", "", ...options);
  made.label = label;
  return made;
}

/** @param {string} value @param {string} words */
function option(value, words) {
  const made = h("option", "", words);
  made.value = value;
  return made;
}
