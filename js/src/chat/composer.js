// Where the next question is written.

import { focused, h, setText } from "../lib/dom.js";
import { clean } from "../lib/markdown/text.js";
import { reasonOf } from "../lib/transport.js";
import { button, growing } from "./parts.js";
import { objection, send } from "./pictures.js";
import { shown } from "./question.js";
import { BUSY, COMING, GONE } from "./talk.js";

/** @import { Sent, Talk } from "./talk.js" */

export class Composer {
  #talk;
  #edit;
  field = growing("Message");
  #chips = h("div", "tw-pictures");
  #files = h("input", "tw-files");
  #add = button("Picture", "picture", () => this.#files.click());
  #send = button("Send", "send", () => this.#ask());
  #stop = button("Stop", "stop", () => this.#talk.stop());
  #words = h("span", "tw-words");
  #undo = button("Undo", "undo", () => this.#talk.restore());
  /** @type {Sent[]} */
  #pictures = [];
  #sending = 0;
  #problem = "";
  #early = false;
  root = h("div", "tw-composer");

  /** @param {Talk} talk @param {() => void} edit open the last question */
  constructor(talk, edit) {
    this.#talk = talk;
    this.#edit = edit;
    this.field.placeholder = "Ask anything";
    this.#files.type = "file";
    this.#files.accept = "image/png,image/jpeg,image/gif,image/webp";
    this.#files.multiple = true;
    this.#files.tabIndex = -1;
    this.#files.ariaLabel = "Pictures";
    this.#files.addEventListener("change", () => {
      this.take([...(this.#files.files ?? [])]);
      this.#files.value = "";
      this.field.focus();
    });
    this.#words.setAttribute("role", "status");
    this.#send.classList.add("tw-primary");
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("input", () => this.draw());
    this.field.addEventListener("paste", (event) => this.#paste(event));
    const row = h("div", "tw-row", this.#add, this.#files, this.#words, this.#undo, this.#stop, this.#send);
    this.root.append(this.#chips, this.field, row);
    this.draw();
  }

  draw() {
    const { busy, pending, gone, problem, deleted } = this.#talk;
    const waiting = busy || pending !== null || this.#sending > 0;
    this.#keepFocus(() => {
      this.#stop.hidden = !busy;
      this.#send.hidden = busy;
      this.#undo.hidden = deleted === null;
      this.#send.disabled = waiting || gone || !this.field.value.trim();
    });
    this.#early &&= waiting;
    const aside = this.#sending > 0 ? "Sending the picture…" : this.#early ? (busy ? COMING : BUSY) : deleted ? "Deleted." : "";
    setText(this.#words, gone ? GONE : clean(this.#problem || problem) || aside);
    this.#words.toggleAttribute("data-failed", gone || Boolean(this.#problem || problem));
  }

  /** Whoever uses Stop by keys goes on writing when there is nothing to stop. @param {() => void} change */
  #keepFocus(change) {
    const had = this.root.contains(focused(this.root)) ? focused(this.root) : null;
    change();
    if (had instanceof HTMLElement && (had.hidden || had.closest("[hidden]"))) this.field.focus();
  }

  /** Pictures that were chosen, pasted or dropped. @param {File[]} files */
  async take(files) {
    for (const file of files) {
      this.#problem = objection(file, this.#pictures.length + this.#sending);
      if (this.#problem) break;
      await this.#upload(file);
    }
    this.draw();
  }

  /** @param {File} file */
  async #upload(file) {
    this.#sending += 1;
    this.draw();
    try {
      const sent = await send(file, this.#talk.ask);
      this.#pictures.push(sent);
      this.#chips.append(this.#chip(sent));
    } catch (error) {
      this.#problem = reasonOf(error);
    }
    this.#sending -= 1;
  }

  /** @param {Sent} picture */
  #chip(picture) {
    const drop = button("×", "drop", () => {
      this.#pictures = this.#pictures.filter((other) => other !== picture);
      chip.remove();
      this.field.focus();
    });
    drop.ariaLabel = `Leave out ${clean(picture.name)}`;
    const chip = h("span", "tw-chip", shown({ name: picture.name, preview: picture.url, note: "" }), drop);
    return chip;
  }

  async #ask() {
    const text = this.field.value;
    const { busy, pending, gone } = this.#talk;
    if (!text.trim() || gone || this.#sending) return;
    this.#early = busy || pending !== null;
    if (this.#early) return this.draw();
    const pictures = this.#pictures;
    this.#problem = "";
    this.#fill("", []);
    this.field.focus();
    if (await this.#talk.say(text, pictures)) return;
    const since = this.field.value;
    this.#fill(since ? `${text}\n\n${since}` : text, pictures); // nothing that was typed is lost
  }

  /** @param {string} text @param {Sent[]} pictures */
  #fill(text, pictures) {
    this.field.value = text;
    this.#pictures = pictures;
    this.#chips.replaceChildren(...pictures.map((picture) => this.#chip(picture)));
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#ask();
    } else if (event.key === "ArrowUp" && this.field.value === "" && !this.#talk.busy) {
      event.preventDefault();
      this.#edit();
    }
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.take(files);
  }
}
