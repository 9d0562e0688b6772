// One frame: its messages as they travelled, each field underlined and explained, and the cuts between reads.

import { h } from "../lib/dom.js";
import { grouped } from "../lib/figures.js";
import { clean } from "../lib/markdown/text.js";
import { size } from "./list.js";
import { partsOf } from "./parts.js";

/** @import { Part } from "./parts.js" */
/** @import { Row } from "./leg.js" */
/** @import { Span } from "../lib/wire.js" */

/** Shown of one frame; the rest is counted. */
const SHOWN = 20_000;
const MESSAGES = 40;

export class Detail {
  #title = h("div", "tw-detail-title");
  #messages = h("div", "tw-messages");
  root = h("div", "tw-detail", this.#title, this.#messages);
  /** @type {Row | null | undefined} */
  #row;

  constructor() {
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "group");
    this.root.ariaLabel = "The selected frame";
    for (const [on, name] of /** @type {const} */ ([["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]])) {
      this.#messages.addEventListener(on, ({ target }) => light(target, name));
    }
    this.#messages.addEventListener("click", ({ target }) => explain(target));
  }

  /** @param {Row | null} row @param {string} dialect of its JSON */
  show(row, dialect) {
    if (row === this.#row) return;
    this.#row = row;
    this.root.scrollTop = 0;
    if (!row) {
      this.#title.textContent = "Select a frame";
      this.#messages.replaceChildren();
      return;
    }
    const { messages } = row.exchange;
    const touched = messages.slice(...row.touches);
    this.#title.textContent = titleOf(row, touched.length);
    const shown = touched.slice(0, MESSAGES).map((message, i) => block(row, message, row.touches[0] + i, dialect));
    const rest = touched.length - shown.length;
    this.#messages.replaceChildren(...shown, ...(rest > 0 ? [h("div", "tw-label", `and ${grouped(rest)} messages more`)] : []));
  }
}

/** @param {Row} row @param {number} count */
function titleOf({ index, dir, parts, continues, broken, size: bytes }, count) {
  const what = dir === "out" ? "sent" : "received";
  const pieces = parts && parts.length > 1 ? [`in ${parts.length} parts`] : [];
  const messages = count > 1 ? [`${count} messages`] : [];
  const cuts = continues || broken ? ["cut within a message"] : [];
  return [`Frame ${grouped(index + 1)}, ${what}`, size(bytes), ...pieces, ...messages, ...cuts].join(" · ");
}

/** @param {Row} row @param {Span} message @param {number} number @param {string} dialect */
function block(row, message, number, dialect) {
  const text = row.exchange.text.slice(message.start, Math.min(message.end, message.start + SHOWN));
  const parts = partsOf(text, row.parts ? "messages" : row.exchange.framing, dialect);
  const [from, to] = [row.start - message.start, row.end - message.start];
  const cut = from > 0 || to < message.end - message.start;
  const more = message.end - message.start - text.length;
  return h(
    "section",
    "tw-message",
    ...(row.touches[1] - row.touches[0] > 1 || cut ? [h("div", "tw-label", messageWords(number, from, to, message))] : []),
    h("pre", "tw-code", ...marked(text, parts, from, to)),
    ...(more > 0 ? [h("div", "tw-label", `and ${grouped(more)} characters more`)] : []),
    h("ul", "tw-parts", ...explanations(text, parts)),
  );
}

/** @param {number} number @param {number} from @param {number} to @param {Span} message */
function messageWords(number, from, to, { start, end }) {
  const before = from > 0 ? `, begun in an earlier read (${grouped(from)} characters)` : "";
  const after = to < end - start ? `, goes on in the next read (${grouped(end - start - to)} characters)` : "";
  return `Message ${grouped(number + 1)}${before}${after}`;
}

/**
 * The text with its parts marked; what other reads carried is faint, with a line where the reads meet.
 * @param {string} text @param {Part[]} parts @param {number} from @param {number} to
 */
function marked(text, parts, from, to) {
  const cuts = [from, to].filter((at) => at > 0 && at < text.length);
  const places = [...new Set([0, ...parts.flatMap(({ start, end }) => [start, end]), ...cuts, text.length])].sort((a, b) => a - b);
  let next = 0;
  return places.slice(0, -1).map((start, i) => {
    const end = places[i + 1];
    while (next < parts.length && parts[next].end <= start) next += 1;
    const inside = next < parts.length && parts[next].start <= start;
    const piece = h("span", inside ? "tw-part" : "", inside ? clean(text.slice(start, end)) : visible(text.slice(start, end)));
    if (inside) piece.dataset.part = String(next);
    piece.classList.toggle("tw-elsewhere", start < from || start >= to);
    piece.classList.toggle("tw-cut", cuts.includes(start));
    return piece;
  });
}

/** Line ends are a part of the framing: they are seen. @param {string} text */
const visible = (text) => clean(text).replaceAll("\n", "↵\n");

const VALUE = 48; // characters of a field's value

/** A line for each field. The same field again says only its name. @param {string} text @param {Part[]} parts */
function explanations(text, parts) {
  /** @type {Map<string, number[]>} */
  const places = new Map();
  parts.forEach(({ name, what }, i) => {
    const key = `${name}\n${what}`;
    places.set(key, [...(places.get(key) ?? []), i]);
  });
  return [...places.values()].map((numbers) => explanation(text, parts[numbers[0]], numbers));
}

/** @param {string} text @param {Part} part @param {number[]} numbers */
function explanation(text, { start, end, name, what, source, url }, numbers) {
  const times = numbers.length > 1 ? ` × ${numbers.length}` : "";
  const value = clean(text.slice(start, end)).replace(/^"[^"]*":\s*/, "");
  const line = h(
    "li",
    "tw-explained",
    h("code", "tw-part-name", name + times),
    h("span", what ? "tw-what" : "tw-what tw-unexplained", what || "not explained here"),
    source ? cite(source, url) : "",
  );
  line.title = value.length > VALUE ? `${value.slice(0, VALUE)}…` : value;
  line.tabIndex = -1;
  line.dataset.parts = numbers.join(" ");
  return line;
}

/** @param {string} source @param {string} url */
function cite(source, url) {
  if (!url) return h("span", "tw-source", source);
  const link = h("a", "tw-source", source);
  Object.assign(link, { href: url, target: "_blank", rel: "noopener noreferrer" });
  return link;
}

/** A field and its line are lit together. @param {EventTarget | null} target @param {boolean} on */
function light(target, on) {
  const [message, numbers] = found(target);
  if (!message) return;
  for (const number of numbers) {
    for (const piece of message.querySelectorAll(`[data-part="${number}"]`)) piece.classList.toggle("tw-lit", on);
    lineOf(message, number)?.classList.toggle("tw-lit", on);
  }
}

/** A click on a field brings its line into view. @param {EventTarget | null} target */
function explain(target) {
  const [message, [number]] = found(target);
  if (!message || !(target instanceof Element) || !target.closest("[data-part]")) return;
  const line = lineOf(message, number);
  line?.focus({ preventScroll: true });
  line?.scrollIntoView({ block: "nearest" });
}

/** @param {EventTarget | null} target @returns {[Element | null, string[]]} */
function found(target) {
  const lit = target instanceof Element ? target.closest("[data-part], [data-parts]") : null;
  if (!(lit instanceof HTMLElement)) return [null, []];
  return [lit.closest(".tw-message"), (lit.dataset.part ?? lit.dataset.parts ?? "").split(" ")];
}

/** @param {Element} message @param {string} number @returns {HTMLElement | null} */
const lineOf = (message, number) => message.querySelector(`[data-parts~="${number}"]`);
