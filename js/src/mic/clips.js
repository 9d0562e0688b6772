// Clips that the kernel has, to be heard in place of a microphone.

/** @import { AnyModel } from "@anywidget/types" */
/** @import { Ask } from "../lib/ask.js" */
/** @import { Talk } from "./talk.js" */

export class Clips {
  #model;
  #ask;
  #talk;
  /** The one that is heard, or an empty string. */
  chosen = "";

  /** @param {AnyModel<any>} model @param {Ask} ask @param {Talk} talk */
  constructor(model, ask, talk) {
    this.#model = model;
    this.#ask = ask;
    this.#talk = talk;
  }

  /** What they are called, by their names; the one given in the cell is the first. @returns {[string, string][]} */
  get named() {
    return Object.entries(this.#model.get("clips") ?? {});
  }

  /** @param {string} name by default the first one's */
  async choose(name = this.named[0][0]) {
    try {
      const { data } = await this.#ask("clip", { name });
      this.chosen = name;
      await this.#talk.choose({ clip: Uint8Array.from(atob(data), (character) => character.charCodeAt(0)).buffer });
    } catch (error) {
      this.#talk.refuse(error);
    }
  }
}
