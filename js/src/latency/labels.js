// Words beside the marks.

/** @import { Shape } from "./draw.js" */
/** @import { View } from "./scene.js" */

/** @param {string} words @param {number} top of what it stands above @returns {Shape} */
export const caption = (words, top) => ["text", { class: "tw-l-caption", x: 0, y: top - 6 }, words];

/** A run's name at the left of its row. @param {View} view @param {number} width @param {number} middle @returns {Shape} */
export function rowName({ label, colour }, width, middle) {
  const room = Math.max(3, Math.floor((width - 22) / 6.4));
  const words = label.length > room ? `${label.slice(0, room - 1)}…` : label;
  return [
    "g",
    {},
    ["rect", { class: "tw-l-swatch", x: 0, y: middle - 4, width: 8, height: 8, rx: 2, style: `fill:${colour}` }],
    ["text", { class: "tw-l-name", x: 14, y: middle + 4 }, words],
    ["title", {}, label],
  ];
}
