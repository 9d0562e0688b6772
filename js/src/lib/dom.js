// Elements, made without markup: all text goes in as text.

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} name of its class
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, name, ...children) {
  const element = document.createElement(tag);
  element.className = name;
  element.append(...children);
  return element;
}

/** Text that changes often costs nothing while it stays the same. @param {HTMLElement} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Setting what is set already would make the page look at its styles again. @param {HTMLElement} element @param {boolean} hidden */
export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/** What has the focus in the page of an element, be that a shadow root (marimo). @param {Element} element @returns {Element | null} */
export function focused(element) {
  return /** @type {Document | ShadowRoot} */ (element.getRootNode()).activeElement ?? null;
}

const NEAR = 24;

/**
 * A scroller that stays at its end as long as the reader leaves it there.
 * @param {HTMLElement} scroller
 * @returns {() => void} to be called after content was appended
 */
export function pinned(scroller) {
  let atEnd = true;
  scroller.addEventListener("scroll", () => {
    atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  });
  return () => {
    if (atEnd) scroller.scrollTop = scroller.scrollHeight;
  };
}
