// Text that shows what it holds and nothing else, and addresses that are only addresses. The rules are those of markup.py.

const INVISIBLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const HALF = /[\r\ud800-\udbff]$/; // its other half may come with the next chunk

/**
 * Lone halves of characters become U+FFFD; line breaks are LF; control characters, and those that reorder text, show as `[U+202E]`.
 * @param {string} text
 */
export function clean(text) {
  return text.replace(/\r\n?/g, "\n").replace(LONE, "\ufffd").replace(INVISIBLE, named);
}

/** @param {string} character */
function named(character) {
  return `[U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;
}

/** The same for text that comes in pieces, cut anywhere. */
export class Cleaner {
  #half = "";

  /** @param {string} chunk @returns {string} what is sure */
  take(chunk) {
    const text = this.#half + chunk;
    this.#half = HALF.exec(text)?.[0] ?? "";
    return clean(text.slice(0, text.length - this.#half.length));
  }

  /** Nothing comes after this. */
  end() {
    const rest = clean(this.#half);
    this.#half = "";
    return rest;
  }
}

const PROTOCOLS = new Set(["http:", "https:", "mailto:"]);
/** Characters of an address that is made a link. */
const ADDRESS = 2048;

/**
 * The address a link may have, as the browser will read it: any spelling of another scheme is found out by the browser's own parser.
 * @param {string} text
 * @returns {string} "" if it is none
 */
export function address(text) {
  if (text.length > ADDRESS || !URL.canParse(text)) return "";
  const { protocol, href } = new URL(text);
  return PROTOCOLS.has(protocol) ? href : "";
}

/** The names that models write, and what they stand for. The other two thousand of HTML show as they are written. */
const NAMES =
  `amp & lt < gt > quot " apos ' nbsp \u00a0 copy © reg ® trade ™ hellip … mdash — ndash – lsquo ‘ rsquo ’ ldquo “ rdquo ” ` +
  `laquo « raquo » bull • middot · times × divide ÷ plusmn ± deg ° micro µ para ¶ sect § euro € pound £ yen ¥ cent ¢ ` +
  `frac12 ½ frac14 ¼ frac34 ¾ sup2 ² sup3 ³ larr ← uarr ↑ rarr → darr ↓ harr ↔ rArr ⇒ hArr ⇔ minus − le ≤ ge ≥ ne ≠ asymp ≈ ` +
  `infin ∞ radic √ sum ∑ prod ∏ int ∫ part ∂ nabla ∇ isin ∈ forall ∀ exist ∃ auml ä ouml ö uuml ü Auml Ä Ouml Ö Uuml Ü ` +
  `szlig ß agrave à eacute é egrave è ntilde ñ ccedil ç alpha α beta β gamma γ delta δ epsilon ε theta θ lambda λ mu μ pi π ` +
  `sigma σ phi φ omega ω Delta Δ Sigma Σ Omega Ω check ✓ ensp \u2002 emsp \u2003 thinsp \u2009`;
const ENTITIES = new Map([...NAMES.matchAll(/(\w+) ([^ ]+)/g)].map(([, name, character]) => [name, character]));
const ENTITY = /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z][a-z0-9]{1,31}));/gi;

/** Text with its character references resolved, and cleaned once more: they spell anything. @param {string} text */
export function resolved(text) {
  if (!text.includes("&")) return text;
  return clean(
    text.replace(ENTITY, (written, hex, decimal, name) => (name ? (ENTITIES.get(name) ?? written) : numbered(hex ?? decimal, hex ? 16 : 10))),
  );
}

/** @param {string} digits @param {number} radix */
function numbered(digits, radix) {
  const code = parseInt(digits, radix);
  return code === 0 || code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code);
}
