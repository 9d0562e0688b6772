// What the reader expects, asked before there are figures; and what they show of it.

import { h, setHidden, setText } from "../lib/dom.js";
import { predicted } from "./words.js";

/** @import { Look } from "./lane.js" */

export class Question {
  #say;
  #words = h("span", "tw-lab-question-words", "What do you expect: which lane will stall most?");
  #choices = h("div", "tw-lab-choices");
  #asked = h("div", "tw-lab-asked", this.#words, this.#choices);
  #told = h("p", "tw-lab-verdict");
  #lanes = "";
  root = h("div", "tw-lab-question", this.#asked, this.#told);

  /** @param {(prediction: string) => void} say */
  constructor(say) {
    this.#say = say;
    this.#asked.setAttribute("role", "group");
    this.#asked.ariaLabel = this.#words.textContent;
  }

  /** @param {{lanes: Look[], prediction: string, verdict: string}} of */
  draw({ lanes, prediction, verdict }) {
    this.#offer(lanes);
    setHidden(this.#asked, prediction !== "");
    setText(this.#told, verdict || predicted(prediction, lanes));
    setHidden(this.#told, this.#told.textContent === "");
    setHidden(this.root, prediction !== "" && this.#told.textContent === "");
  }

  /** @param {Look[]} lanes */
  #offer(lanes) {
    const names = lanes.map(({ lane }) => lane).join();
    if (names === this.#lanes) return;
    this.#lanes = names;
    const choices = [...lanes.map(({ lane, name }) => [lane, name]), ["none", "no difference"], ["skipped", "Skip"]];
    this.#choices.replaceChildren(...choices.map(([value, words]) => this.#button(value, words)));
  }

  /** @param {string} value @param {string} words */
  #button(value, words) {
    const button = h("button", `tw-button${value === "skipped" ? " tw-lab-skip" : ""}`, words);
    button.type = "button";
    button.addEventListener("click", () => this.#say(value));
    return button;
  }
}
