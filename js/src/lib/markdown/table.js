// The rows of a table, as GitHub's dialect has them.

/** Columns of a table; a header with more of them is a paragraph, and what is further right in a row stays in its last cell. */
export const COLUMNS = 64;

/**
 * The cells of a row. A backslash before a bar makes it a character of the cell.
 * @param {string} line
 * @returns {string[]}
 */
export function cells(line) {
  const inner = line.trim().replace(/^\|/, "");
  const found = inner.match(/(?:\\[^]|[^\\|])+|\||\\/g) ?? [];
  const row = [""];
  for (const part of found) {
    if (part === "|" && row.length < COLUMNS) row.push("");
    else row[row.length - 1] += part.replaceAll("\\|", "|");
  }
  if (row.length > 1 && row[row.length - 1] === "") row.pop();
  return row.map((cell) => cell.trim());
}

/**
 * What the line under a header says.
 * @param {string} line
 * @param {string} header
 * @returns {string[] | null} `text-align` of each column, "" where none is said; nothing if this is no table
 */
export function alignments(line, header) {
  if (!/^[\s|:-]+$/.test(line) || !line.includes("-") || !line.includes("|")) return null;
  const marks = cells(line);
  if (!marks.every((mark) => /^:?-+:?$/.test(mark)) || marks.length !== cells(header).length || marks.length >= COLUMNS) return null;
  return marks.map((mark) => (mark.endsWith(":") ? (mark.startsWith(":") ? "center" : "right") : mark.startsWith(":") ? "left" : ""));
}
