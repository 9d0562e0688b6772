// A widget's place in the page. The notebook's file keeps a static form of every widget, in an element with the widget's id on it; where
// the widget lives, it takes that element's place. So a notebook opened without its kernel shows something finished.
//
// Jupyter draws an output anew when its static form changes, which would take a view in it out of the page for a moment: its text would be
// laid out again, and focus and selection be lost. So a view stands beside the output that holds only its place, and that is hidden.

/** @typedef {(el: HTMLElement, signal: AbortSignal) => void} Render */

const PLACE = "data-tokenwidgets";
const LINGER_MS = 5000; // a place that is drawn anew comes back within this

/** Told to a view's element when it was put elsewhere, which makes scrollers in it forget where they were. */
export const MOVED = "tokenwidgets:moved";

const LIVE = Symbol.for("tokenwidgets.mount.v2");

/** What Jupyter draws anew, and where that stands. */
const OUTPUT = "jp-OutputArea-output";
const BESIDE = ".jp-OutputArea-child";
const LOOKS = [OUTPUT, "jp-RenderedHTMLCommon", "jp-RenderedHTML"];

/**
 * Render into every place that is kept for a widget. A view whose place is drawn anew moves there as it is.
 * @param {string} id
 * @param {Render} render
 * @param {AbortSignal} signal
 */
export function mount(id, render, signal) {
  const live = places();
  const mounter = new Mounter(render);
  live.add(id, mounter);
  signal.addEventListener("abort", () => {
    live.remove(id);
    mounter.close();
  });
}

/** The page's one watch over its places, whichever widget came first. @returns {Places} */
function places() {
  const page = /** @type {Record<symbol, Places>} */ (/** @type {unknown} */ (globalThis));
  return (page[LIVE] ??= new Places());
}

class Places {
  /** @type {Map<string, Mounter>} */
  #mounters = new Map();
  /** Called before the page is painted, so a place that is drawn anew never shows its static form in between. */
  #observer = new MutationObserver((records) => {
    if (records.some(({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes].some(holdsPlace))) this.#look();
  });

  /** @param {string} id @param {Mounter} mounter */
  add(id, mounter) {
    if (this.#mounters.size === 0) this.#observer.observe(document.body, { childList: true, subtree: true });
    this.#mounters.set(id, mounter);
    this.#look();
  }

  /** @param {string} id */
  remove(id) {
    this.#mounters.delete(id);
    if (this.#mounters.size === 0) this.#observer.disconnect();
  }

  #look() {
    /** @type {Map<string, Element[]>} */
    const found = new Map();
    for (const place of document.querySelectorAll(`[${PLACE}]`)) {
      const id = place.getAttribute(PLACE) ?? "";
      if (this.#mounters.has(id)) found.set(id, [...(found.get(id) ?? []), place]);
    }
    for (const [id, mounter] of this.#mounters) mounter.take(found.get(id) ?? []);
  }
}

/** @param {Node} node */
const holdsPlace = (node) => node instanceof Element && (node.hasAttribute(PLACE) || node.querySelector(`[${PLACE}]`) !== null);

/** @typedef {{place: Element, el: HTMLElement, abort: AbortController, timer: any}} View */

class Mounter {
  #render;
  /** @type {Set<View>} */
  #views = new Set();

  /** @param {Render} render */
  constructor(render) {
    this.#render = render;
  }

  /** The places there are now. @param {Element[]} places */
  take(places) {
    const known = new Set([...this.#views].map((view) => view.place));
    const fresh = places.filter((place) => !known.has(place));
    for (const view of this.#views) {
      if (places.includes(view.place)) this.#keep(view);
      else if (fresh.length) this.#move(view, /** @type {Element} */ (fresh.shift()));
      else view.timer ??= setTimeout(() => this.#drop(view), LINGER_MS);
    }
    for (const place of fresh) this.#open(place);
  }

  close() {
    for (const view of this.#views) this.#drop(view);
  }

  /** @param {Element} place */
  #open(place) {
    const el = place.ownerDocument.createElement("div");
    const abort = new AbortController();
    this.#views.add({ place, el, abort, timer: undefined });
    settle(el, place);
    this.#render(el, abort.signal);
  }

  /** @param {View} view @param {Element} place */
  #move(view, place) {
    this.#keep(view);
    view.place = place;
    if (settle(view.el, place)) view.el.dispatchEvent(new Event(MOVED));
  }

  /** @param {View} view */
  #keep(view) {
    clearTimeout(view.timer);
    view.timer = undefined;
  }

  /** @param {View} view */
  #drop(view) {
    this.#keep(view);
    this.#views.delete(view);
    if (!view.place.isConnected) leave(view.el);
    view.abort.abort();
  }
}

/**
 * Put a view where its place is: beside the output that holds nothing else, or into it. Whether it was put elsewhere than it was.
 * @param {HTMLElement} el @param {Element} place
 */
function settle(el, place) {
  const output = /** @type {HTMLElement | null} */ (place.closest(`.${OUTPUT}`));
  const beside = output?.parentElement?.matches(BESIDE) && place.parentElement === output && output.children.length === 1 ? output : null;
  place.replaceChildren();
  el.className = `${beside ? LOOKS.join(" ") : ""} mathjax_ignore`;
  if (beside?.nextElementSibling === el) return false;
  leave(el);
  if (beside) {
    beside.after(el);
    beside.style.display = "none";
  } else place.append(el);
  return true;
}

/** Take a view out of the page, and show again what it stood for. @param {HTMLElement} el */
function leave(el) {
  const before = el.previousElementSibling;
  if (before instanceof HTMLElement && before.classList.contains(OUTPUT)) before.style.removeProperty("display");
  el.remove();
}
