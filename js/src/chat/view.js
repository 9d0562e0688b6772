// The card of a conversation. It only ever draws what the talk holds.

import { Announcer } from "../lib/announce.js";
import { focused, h, setText } from "../lib/dom.js";
import { clean } from "../lib/markdown/text.js";
import { Composer } from "./composer.js";
import { Log } from "./log.js";
import { GIVEN_BACK, button } from "./parts.js";
import { Picker } from "./picker.js";
import { Sheet } from "./sheet.js";

/** @import { Load } from "../lib/assets.js" */
/** @import { Talk } from "./talk.js" */

export class View {
  #talk;
  #picker;
  #sheet;
  #log;
  #composer;
  #model = button("", "models", () => this.#toggle(this.#picker, this.#model));
  #count = h("span", "tw-count");
  #more = button("⋯", "more", () => this.#toggle(this.#sheet, this.#more));
  #live = h("div", "tw-live");
  #announcer = new Announcer(this.#live);
  #busy = false;
  #height = 0;
  /** What has the focus while it is here. @type {HTMLElement | null} */
  #focused = null;
  root = h("div", "tw-card tw-chat");

  /** @param {Talk} talk @param {Load} load */
  constructor(talk, load) {
    this.#talk = talk;
    this.#log = new Log(talk, load);
    this.#composer = new Composer(talk, () => this.#log.edit());
    this.#picker = new Picker(talk, () => this.#close(this.#model));
    this.#sheet = new Sheet(talk);
    this.#live.setAttribute("aria-live", "polite");
    this.#more.ariaLabel = "Options, files, code and keys";
    this.#more.title = "Options, files, code and keys (?)";
    this.#model.classList.add("tw-models");
    for (const opener of [this.#model, this.#more]) opener.ariaHasPopup = "dialog";
    this.root.setAttribute("role", "group");
    this.root.ariaLabel = "Chat";
    const head = h("div", "tw-head", this.#model, this.#count, this.#more);
    this.root.append(head, this.#picker.root, this.#sheet.root, this.#log.root, this.#composer.root, this.#live);
    this.#listen();
    this.draw();
  }

  #listen() {
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.root.addEventListener(GIVEN_BACK, () => this.#composer.field.focus());
    this.root.addEventListener("focusin", (event) => this.#entered(/** @type {HTMLElement} */ (event.target)));
    this.root.addEventListener("focusout", () => queueMicrotask(() => this.root.isConnected && this.#left()));
    this.root.addEventListener("dragover", (event) => event.preventDefault());
    this.root.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.#composer.take([...(event.dataTransfer?.files ?? [])]);
    });
  }

  draw() {
    const talk = this.#talk;
    const added = this.#log.draw(performance.now());
    if (talk.pending) this.#log.end();
    this.#composer.draw();
    this.root.toggleAttribute("data-kept", talk.kept);
    setText(this.#model, this.#models());
    this.#model.title = talk.models.join(", ");
    setText(this.#count, this.#words());
    if (added && talk.busy) this.#announcer.add(added, performance.now());
    if (this.#busy && !talk.busy) this.#announcer.end("The answer is complete.");
    this.#busy = talk.busy;
    this.#stay();
  }

  /** Who writes sees what he writes, also when the card grows. */
  #stay() {
    const height = this.root.offsetHeight;
    if (height > this.#height && focused(this.root) === this.#composer.field) this.#composer.root.scrollIntoView({ block: "nearest" });
    this.#height = height;
  }

  /** Move the clocks. */
  tick() {
    if (this.#talk.busy) this.draw();
  }

  /** The view was put elsewhere: what had the focus has it again, and the reader is where he was. */
  moved() {
    this.#log.moved();
    const now = focused(this.root); // JupyterLab takes what has lost its element to the cell
    if (this.#focused && (!now || now.contains(this.root))) this.#focused.focus({ preventScroll: true });
  }

  /** JupyterLab looks for a shortcut from the focused element upwards, and stops where it is told to. @param {HTMLElement} target */
  #entered(target) {
    this.#focused = target;
    target.dataset.lmSuppressShortcuts = "true";
  }

  #left() {
    if (!this.root.contains(focused(this.root))) this.#focused = null;
  }

  #models() {
    const { models, messages } = this.#talk;
    if (models.length > 1) return `${models.length} models`;
    return clean(models[0] ?? messages.findLast(({ model }) => model)?.model ?? "Default model");
  }

  #words() {
    const count = this.#talk.rows.filter(({ question }) => question).length;
    return count ? `${count} ${count === 1 ? "question" : "questions"}` : "";
  }

  /** @param {Picker | Sheet} panel @param {HTMLElement} opener */
  #toggle(panel, opener) {
    const open = panel.root.hidden;
    this.#picker.root.hidden = this.#sheet.root.hidden = true;
    if (open) panel.open();
    else opener.focus();
  }

  /** @param {HTMLElement} opener */
  #close(opener) {
    this.#picker.root.hidden = this.#sheet.root.hidden = true;
    opener.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape" && this.#escape()) event.preventDefault();
    else if (event.key === "?" && !typing(event.target)) this.#help(event);
    else return;
    event.stopPropagation();
  }

  /** Whether there was something to close or to stop. */
  #escape() {
    if (!this.#picker.root.hidden) this.#close(this.#model);
    else if (!this.#sheet.root.hidden) this.#close(this.#more);
    else if (this.#talk.busy) this.#talk.stop();
    else return false;
    return true;
  }

  /** @param {KeyboardEvent} event */
  #help(event) {
    event.preventDefault();
    if (this.#sheet.root.hidden) this.#toggle(this.#sheet, this.#more);
    this.#sheet.keys();
  }
}

/** @param {EventTarget | null} target */
const typing = (target) => target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
