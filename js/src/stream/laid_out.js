// JSON laid out on lines, with every value as it was written: a number keeps its digits. As `pretty.py` does it.

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g;

/** The same JSON with two blanks for each level; what is none stays as it is. @param {string} text */
export function laidOut(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let out = "";
  let depth = 0;
  let before = "";
  for (const [token] of text.matchAll(TOKEN)) {
    const closes = token === "]" || token === "}";
    const opened = before === "[" || before === "{";
    if (closes) depth--;
    if (before === "," || opened !== closes) out += `\n${"  ".repeat(depth)}`;
    if (token === "[" || token === "{") depth++;
    out += token === ":" ? ": " : token;
    before = token;
  }
  return out;
}
