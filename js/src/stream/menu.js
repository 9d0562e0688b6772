// A button that opens a list of further verbs. The list lies above the page, so that no box around the card cuts it off.

import { focused, h } from "../lib/dom.js";

const GAP = 4;

/** The button of the verbs that have no place in the row. */
export function more() {
  const button = h("button", "tw-button tw-more", "⋯");
  button.ariaLabel = "More";
  button.title = "More";
  return button;
}

export class Menu {
  #list = h("div", "tw-menu");
  button;
  root;

  /**
   * @param {HTMLButtonElement[]} items in their order; those that are hidden are passed over
   * @param {HTMLButtonElement} button
   * @param {"menuitem" | "menuitemradio"} role of the items
   */
  constructor(items, button = more(), role = "menuitem") {
    this.button = button;
    this.root = h("span", "", this.button, this.#list);
    this.button.type = "button";
    this.button.ariaHasPopup = "menu";
    this.button.ariaExpanded = "false";
    this.button.dataset.lmSuppressShortcuts = "true";
    this.#list.popover = "auto";
    this.#list.setAttribute("role", "menu");
    this.#list.dataset.lmSuppressShortcuts = "true";
    for (const item of items) {
      item.setAttribute("role", role);
      item.tabIndex = -1;
      item.addEventListener("click", () => this.#close());
      this.#list.append(item);
    }
    this.button.addEventListener("click", () => this.#open());
    this.#list.addEventListener("keydown", (event) => this.#key(event));
    this.#list.addEventListener("toggle", (event) => (this.button.ariaExpanded = String(/** @type {ToggleEvent} */ (event).newState === "open")));
  }

  #open() {
    if (this.button.ariaDisabled === "true") return;
    this.#list.showPopover();
    const { right, bottom } = this.button.getBoundingClientRect();
    const { width, height } = this.#list.getBoundingClientRect();
    this.#list.style.left = `${Math.max(right - width, GAP)}px`;
    this.#list.style.top = `${Math.min(bottom + GAP, innerHeight - height - GAP)}px`;
    this.#items[0]?.focus();
  }

  #close() {
    this.#list.hidePopover();
    this.button.focus();
  }

  /** Those that can be seen. */
  get #items() {
    return /** @type {HTMLElement[]} */ ([...this.#list.children]).filter((item) => item.offsetParent !== null);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const items = this.#items;
    const at = items.indexOf(/** @type {HTMLElement} */ (focused(this.#list)));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    event.stopPropagation(); // Esc closes the list and stops nothing
    if (event.key === "Escape" || event.key === "Tab") return this.#close();
    if (to === undefined) return;
    event.preventDefault();
    items.at(to % items.length)?.focus();
  }
}
