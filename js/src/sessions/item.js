// One stream in the bar.

import { focused, h, setText } from "../lib/dom.js";
import { MARKS } from "../lib/transport.js";
import { age, rate, readers } from "./words.js";

/** @import { TransportName } from "../lib/transport.js" */
/** @import { Brief } from "./source.js" */

export class Item {
  #model = h("span", "tw-s-model");
  #phase = h("span", "tw-s-phase");
  #age = h("span", "tw-s-age");
  #rate = h("span", "tw-s-rate");
  #readers = h("span", "tw-s-readers");
  open = h("button", "tw-button", "Open");
  stop = h("button", "tw-button", "Stop");
  root = h("div", "tw-s-item", this.#model, this.#phase, this.#age, this.#rate, this.#readers, h("span", "tw-s-act", this.open, this.stop));
  #told = "";

  constructor() {
    this.root.setAttribute("role", "listitem");
    for (const button of [this.open, this.stop]) {
      button.type = "button";
      button.dataset.lmSuppressShortcuts = "true";
    }
    this.open.ariaExpanded = "false";
  }

  /** @param {Brief} stream @param {boolean} opened */
  draw(stream, opened) {
    setText(this.#model, stream.model);
    this.#model.title = stream.model;
    setText(this.#phase, stream.phase);
    this.root.dataset.phase = stream.phase;
    setText(this.#age, age(stream));
    setText(this.#rate, rate(stream));
    this.#drawReaders(stream);
    const running = stream.state === "running";
    if (!running && this.stop === focused(this.stop)) this.open.focus();
    this.stop.hidden = !running;
    this.stop.ariaLabel = `Stop ${stream.model}`;
    setText(this.open, opened ? "Close" : "Open");
    this.open.ariaExpanded = String(opened);
    this.open.ariaLabel = `${opened ? "Close" : "Open"} ${stream.model}`;
  }

  /** @param {Brief} stream */
  #drawReaders(stream) {
    const all = readers(stream);
    const told = all.map(({ words }) => words).join();
    if (told === this.#told) return;
    this.#told = told;
    this.#readers.replaceChildren(
      ...all.map(({ transport, words }) => {
        const mark = h("span", "tw-mark", MARKS[/** @type {TransportName} */ (transport)] ?? "");
        mark.ariaHidden = "true";
        const badge = h("span", "tw-badge", mark, words);
        badge.dataset.transport = transport;
        return badge;
      }),
    );
  }
}
