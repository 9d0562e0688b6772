// The transport that brings the stream, and why; where there is a choice, a menu of the others.

import { h, setHidden, setText } from "../lib/dom.js";
import { LABELS, MARKS } from "../lib/transport.js";
import { Menu } from "./menu.js";
import { routeWords } from "./words.js";

/** @import { Session } from "../lib/session.js" */
/** @import { TransportName } from "../lib/transport.js" */

export class Badge {
  #mark = h("span", "tw-mark");
  #lane = h("span", "");
  #instead = h("span", "tw-instead");
  #button = h("button", "tw-badge", this.#mark, this.#lane, this.#instead);
  /** @type {Map<TransportName, HTMLButtonElement>} */
  #items = new Map();
  #menu;
  root;

  /** @param {(name: TransportName) => void} choose */
  constructor(choose) {
    for (const name of /** @type {TransportName[]} */ (Object.keys(LABELS))) this.#items.set(name, item(name, choose));
    this.#menu = new Menu([...this.#items.values()], this.#button, "menuitemradio");
    this.root = this.#menu.root;
    this.root.className = "tw-ways";
    this.#mark.ariaHidden = "true";
  }

  /** @param {Session} session */
  draw({ route, status, reason, choices }) {
    setHidden(this.root, !route);
    if (!route) return;
    this.#button.dataset.transport = route.transport;
    setText(this.#mark, MARKS[route.transport]);
    setText(this.#lane, status === "reattaching" ? "reattaching…" : LABELS[route.transport]);
    setText(this.#instead, route.tried.length ? route.why : "");
    this.#button.title = routeWords(route) + (reason ? `\n${reason}` : "");
    this.#button.ariaDisabled = String(choices.length < 2);
    this.#button.tabIndex = choices.length < 2 ? -1 : 0;
    for (const [name, control] of this.#items) {
      setHidden(control, !choices.includes(name));
      control.ariaChecked = String(name === route.transport);
    }
  }
}

/** @param {TransportName} name @param {(name: TransportName) => void} choose */
function item(name, choose) {
  const mark = h("span", "tw-mark", MARKS[name]);
  mark.ariaHidden = "true";
  const control = h("button", "tw-menu-item tw-way", mark, h("span", "", LABELS[name]));
  control.type = "button";
  control.dataset.transport = name;
  control.addEventListener("click", () => choose(name));
  return control;
}
