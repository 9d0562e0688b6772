// What is seldom needed: instructions, options, files, code, keys.

import { h, setText } from "../lib/dom.js";
import { clean } from "../lib/markdown/text.js";
import { button, growing } from "./parts.js";

/** @import { Talk } from "./talk.js" */

/** @type {[string, string][]} */
export const KEYS = [
  ["Enter", "send"],
  ["Shift+Enter", "a new line"],
  ["Esc", "stop the answer; close what is open"],
  ["↑ in an empty field", "edit the last question"],
  ["Tab, Shift+Tab", "from one control to the next"],
  ["?", "these keys (outside a field)"],
];
const LANGUAGES = {
  tokenwidgets: "with tokenwidgets",
  python: "Python, with the vendor's SDK",
  "python-httpx": "Python, with httpx",
  javascript: "JavaScript",
  curl: "curl",
};
const EFFORTS = ["", "none", "low", "medium", "high"];

export class Sheet {
  #talk;
  #system = growing("System prompt", false);
  #temperature = number("Temperature", 0, 2, 0.1);
  #tokens = number("Most tokens", 1, 1_000_000, 1);
  #effort = select("Reasoning effort", EFFORTS.map((effort) => [effort, effort || "default"]));
  #tools = h("p", "tw-hint");
  #name = h("input", "tw-input");
  #known = h("datalist", "");
  #save = button("Save", "save", () => this.#write(false));
  #replace = button("Replace it", "replace", () => this.#write(true));
  #open = button("Open", "open", () => this.#read());
  #told = h("p", "tw-hint");
  #language = select("Code", Object.entries(LANGUAGES));
  #show = button("Show code", "code", () => this.#code());
  #copy = button("Copy", "copy-code", () => navigator.clipboard?.writeText(this.#program.textContent ?? ""));
  #program = h("pre", "tw-pre");
  #keys = h("dl", "tw-keys", ...KEYS.flatMap(([key, does]) => [h("dt", "", h("kbd", "", key)), h("dd", "", does)]));
  root = h("div", "tw-sheet");

  /** @param {Talk} talk */
  constructor(talk) {
    this.#talk = talk;
    this.root.hidden = true;
    this.root.setAttribute("role", "dialog");
    this.root.ariaLabel = "Options, files, code and keys";
    this.#known.id = `tw-files-${Math.random().toString(36).slice(2)}`;
    this.#name.setAttribute("list", this.#known.id);
    this.#name.placeholder = "talk.chat.json";
    this.#name.ariaLabel = "Name of a file in the kernel's folder";
    this.#told.setAttribute("role", "status");
    this.#copy.hidden = this.#replace.hidden = this.#program.hidden = true;
    for (const field of [this.#system, this.#temperature, this.#tokens, this.#effort]) field.addEventListener("change", () => this.#set());
    this.#name.addEventListener("input", () => (this.#replace.hidden = true));
    this.#name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#write(false);
    });
    this.root.append(
      section("Instructions", this.#system),
      section("Options", h("div", "tw-fields", labelled(this.#temperature), labelled(this.#tokens), labelled(this.#effort)), this.#tools),
      section("File in the kernel's folder", h("div", "tw-row", this.#name, this.#save, this.#replace, this.#open), this.#known, this.#told),
      section("Code", h("div", "tw-row", this.#language, this.#show, this.#copy), this.#program),
      section("Keys", this.#keys),
    );
  }

  async open() {
    const { system, options, tools } = this.#talk;
    this.#system.value = system;
    this.#temperature.value = options.temperature ?? "";
    this.#tokens.value = options.max_tokens ?? "";
    this.#effort.value = options.reasoning ?? "";
    setText(this.#tools, tools.length ? `Tools: ${clean(tools.join(", "))}` : "");
    setText(this.#told, "");
    this.#replace.hidden = this.#copy.hidden = this.#program.hidden = true;
    this.root.hidden = false;
    this.#system.focus();
    const { files } = (await this.#talk.ask("files").catch(() => null)) ?? { files: [] };
    this.#known.replaceChildren(...files.map((/** @type {string} */ name) => Object.assign(document.createElement("option"), { value: name })));
  }

  /** The keys, whatever else is there. */
  keys() {
    this.#keys.scrollIntoView?.({ block: "nearest" });
  }

  #set() {
    const options = { temperature: given(this.#temperature), max_tokens: given(this.#tokens), reasoning: this.#effort.value || null };
    this.#talk.carryOut("set", { system: this.#system.value, options });
  }

  /** @param {boolean} replace */
  async #write(replace) {
    const answer = await this.#talk.carryOut("save", { name: this.#name.value || this.#name.placeholder, replace });
    this.#replace.hidden = !answer?.exists;
    setText(this.#told, clean(answer ? (answer.exists ? `There is already ${answer.name}.` : `Saved as ${answer.name}.`) : this.#talk.problem));
    if (answer?.exists) this.#replace.focus();
    else if (replace) this.#save.focus();
  }

  async #read() {
    const answer = await this.#talk.carryOut("open", { name: this.#name.value || this.#name.placeholder });
    setText(this.#told, clean(answer ? `Opened ${answer.name}.` : this.#talk.problem));
  }

  async #code() {
    const answer = await this.#talk.carryOut("code", { language: this.#language.value });
    setText(this.#program, clean(answer?.code ?? this.#talk.problem));
    this.#program.hidden = false;
    this.#copy.hidden = !answer;
  }
}

/** @param {string} title @param {...HTMLElement} children */
const section = (title, ...children) => h("section", "", h("h4", "", title), ...children);

/** @param {HTMLInputElement | HTMLSelectElement} field */
const labelled = (field) => h("label", "", h("span", "", field.ariaLabel ?? ""), field);

/** @param {HTMLInputElement} field */
const given = (field) => (field.value === "" ? null : field.valueAsNumber);

/** @param {string} label @param {number} min @param {number} max @param {number} step */
function number(label, min, max, step) {
  const made = h("input", "tw-input");
  Object.assign(made, { type: "number", min: String(min), max: String(max), step: String(step), ariaLabel: label, placeholder: "–" });
  return made;
}

/** @param {string} label @param {string[][]} choices */
function select(label, choices) {
  const made = h("select", "tw-input", ...choices.map(([value, words]) => Object.assign(h("option", "", words), { value })));
  made.ariaLabel = label;
  return made;
}
