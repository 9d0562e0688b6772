// The picture and its data, to keep: SVG that needs no style sheet, PNG at twice the size, CSV of the chunks.

/** @import { View } from "./scene.js" */

const STYLES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity", "font-family", "font-size",
  "font-weight", "text-anchor", "font-variant-numeric",
];
const FACTOR = 2;

/**
 * The picture as a file of its own, with the colours of this moment.
 * @param {SVGSVGElement} svg
 */
export function selfContained(svg) {
  const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  const [from, to] = [svg, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  to.forEach((element, i) => resolve(from[i], element));
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  for (const [name, value] of Object.entries({ width, height })) copy.setAttribute(name, String(value));
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ width, height, fill: groundOf(svg) })) ground.setAttribute(name, String(value));
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy);
}

/** @param {Element} from @param {Element} to */
function resolve(from, to) {
  const computed = getComputedStyle(from);
  to.removeAttribute("class");
  to.setAttribute("style", STYLES.map((name) => `${name}:${computed.getPropertyValue(name)}`).join(";"));
}

/** @param {Element} element */
const groundOf = (element) => getComputedStyle(/** @type {Element} */ (element.closest(".tw-card"))).backgroundColor;

/** @param {SVGSVGElement} svg @returns {Promise<Blob>} */
export async function png(svg) {
  const { width, height } = svg.viewBox.baseVal;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(selfContained(svg))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = width * FACTOR;
  canvas.height = height * FACTOR;
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("this browser cannot make a PNG of it")))),
  );
}

const COLUMNS = ["run", "chunk", "seq", "kind", "at_us", "gap_us", "characters", "read"];

/** A row a chunk; no text. @param {View[]} views */
export function csv(views) {
  const rows = views.flatMap(({ track, label }) =>
    track.ats.map((_, i) => {
      const { number, seq, kind, at, gap, size, read } = track.chunk(i);
      return [quoted(label), number, seq, kind, at, gap ?? "", size, read].join(",");
    }),
  );
  return [COLUMNS.join(","), ...rows, ""].join("\r\n");
}

/** A label that a spreadsheet would take for a formula is text all the same. @param {string} text */
const quoted = (text) => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {Blob} blob text of any kind goes as text: a clipboard takes few kinds */
export async function copy(blob) {
  if (blob.type.startsWith("image/png")) return navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
  return navigator.clipboard.writeText(await blob.text());
}
