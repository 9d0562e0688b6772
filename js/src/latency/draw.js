// A scene, which is data, becomes SVG. Nodes that are there already are changed and not made anew.

/** @typedef {Record<string, string | number>} Attributes */
/** An element: its name, its attributes, its children. @typedef {[name: string, attributes: Attributes, ...children: (Shape | string)[]]} Shape */

const SVG = "http://www.w3.org/2000/svg";
/** @type {WeakMap<Element, Attributes>} */
const drawn = new WeakMap();

/**
 * Make the children of `parent` what the shapes say.
 * @param {Element} parent
 * @param {(Shape | string)[]} shapes
 */
export function draw(parent, shapes) {
  shapes.forEach((shape, i) => {
    const there = parent.childNodes[i];
    if (typeof shape === "string") drawText(parent, there, shape);
    else drawElement(parent, there, shape);
  });
  while (parent.childNodes.length > shapes.length) parent.lastChild?.remove();
}

/** @param {Element} parent @param {Node | undefined} there @param {string} text */
function drawText(parent, there, text) {
  if (there?.nodeType !== Node.TEXT_NODE) replace(parent, there, parent.ownerDocument.createTextNode(text));
  else if (there.nodeValue !== text) there.nodeValue = text;
}

/** @param {Element} parent @param {Node | undefined} there @param {Shape} shape */
function drawElement(parent, there, [name, attributes, ...children]) {
  let element = /** @type {Element | undefined} */ (there);
  if (element?.nodeName !== name) {
    element = parent.ownerDocument.createElementNS(SVG, name);
    replace(parent, there, element);
  }
  const before = drawn.get(element) ?? {};
  for (const key of Object.keys(before)) if (!(key in attributes)) element.removeAttribute(key);
  for (const [key, value] of Object.entries(attributes)) if (before[key] !== value) element.setAttribute(key, String(value));
  drawn.set(element, attributes);
  draw(element, children);
}

/** @param {Element} parent @param {Node | undefined} there @param {Node} node */
const replace = (parent, there, node) => (there ? parent.replaceChild(node, there) : parent.append(node));
