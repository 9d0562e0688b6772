// The filter box: words, `dir:`, `kind:`, and sizes, all of which must hold.

/** @typedef {{text: string, kind: string, dir: string, size: number}} Filtered */
/** @typedef {(row: Filtered) => boolean} Test */
/** @typedef {{test: Test, error: string}} Filter */

const SIZE = /^([<>])(\d+(?:\.\d+)?)(k|m)?b?$/i;
/** @type {Record<string, number>} */
const UNITS = { "": 1, k: 1000, m: 1_000_000 };

/**
 * @param {string} query
 * @returns {Filter} `error` says in a sentence what cannot be understood; what can is used
 */
export function filterOf(query) {
  /** @type {Test[]} */
  const tests = [];
  let error = "";
  for (const word of query.match(/"[^"]*"?|\S+/g) ?? []) {
    const test = testOf(word);
    if (typeof test === "string") error ||= test;
    else tests.push(test);
  }
  return { test: (row) => tests.every((test) => test(row)), error };
}

/** @param {string} word @returns {Test | string} */
function testOf(word) {
  if (word.startsWith('"')) return containing(word.replaceAll('"', ""));
  if (/^[<>]/.test(word)) return sized(word);
  const [, name, value] = /^(dir|kind):(.*)$/.exec(word) ?? [];
  if (name === "dir") return /^(in|out)$/.test(value) ? (row) => row.dir === value : `“${word}”: dir: is in or out.`;
  if (name === "kind") return value ? (row) => row.kind.includes(value) : "“kind:” needs a name behind it, as in kind:usage.";
  return containing(word);
}

/** @param {string} word */
function containing(word) {
  const wanted = word.toLowerCase();
  return (/** @type {Filtered} */ { text }) => text.toLowerCase().includes(wanted);
}

/** @param {string} word @returns {Test | string} */
function sized(word) {
  const [, sign, number, unit = ""] = SIZE.exec(word) ?? [];
  if (!sign) return `“${word}”: a size is a number of bytes, as in >1k or <200.`;
  const bytes = Number(number) * UNITS[unit.toLowerCase()];
  return ({ size }) => (sign === ">" ? size > bytes : size < bytes);
}
