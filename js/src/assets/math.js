// Formulas as MathML, which the page lays out itself: no fonts, no style sheet, nothing fetched.

import temml from "temml";

const MATHML = "http://www.w3.org/1998/Math/MathML";
/** Sizes in ems that a formula may ask for. */
const SIZE = 20;
/** Macros that a formula may expand. */
const EXPANSIONS = 500;
/** Elements of one formula. */
const ELEMENTS = 5000;
const ATTRIBUTES = new Set(
  `accent accentunder align columnalign columnlines columnspacing depth dir display displaystyle fence form frame height largeop linebreak
  linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace
  scriptlevel separator stretchy symmetric voffset width style class`.split(/\s+/),
);

/**
 * @param {string} source in TeX
 * @param {boolean} display on lines of its own
 * @returns {Element} its MathML
 * @throws {Error} for what is no formula, or one that wants more than a formula should
 */
export default function setFormula(source, display) {
  const place = document.createElement("span");
  const limits = { trust: false, throwOnError: true, maxSize: /** @type {[number, number]} */ ([SIZE, SIZE * 10]), maxExpand: EXPANSIONS };
  temml.render(source, place, { displayMode: display, ...limits });
  const made = /** @type {Element} */ (place.firstElementChild);
  const all = [made, ...made.querySelectorAll("*")];
  if (all.length > ELEMENTS || !all.every(harmless)) throw new Error("This formula has parts that are not shown.");
  return made;
}

/** @param {Element} element */
function harmless(element) {
  const attributes = [...element.attributes];
  return element.namespaceURI === MATHML && attributes.every(({ name, value }) => ATTRIBUTES.has(name) && !/url|position/i.test(value));
}
