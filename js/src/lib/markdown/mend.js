// The end of a text that is still being written, as it will most likely look: what is open is closed, what has only begun waits.

const MARKS = /\\[^]|`+|\*+|_+|~~|\[|\](?:\([^)\s]*(?:\s[^)]*)?(\))?)?/g;
const WAITING = /(?<!\\)[*_~`]+$|\\$/;

/**
 * @param {string} text of a paragraph, cut anywhere
 * @returns {string} text with no construct left open at its end
 */
export function mend(text) {
  const kept = text.replace(WAITING, "");
  /** @type {{mark: string, at: number}[]} */
  const open = [];
  for (MARKS.lastIndex = 0; ;) {
    const found = MARKS.exec(kept);
    if (!found) return closed(kept, open);
    const [mark] = found;
    if (mark[0] === "`") {
      const end = after(kept, mark, MARKS.lastIndex);
      if (end < 0) return closed(kept, [...open, { mark, at: found.index }]);
      MARKS.lastIndex = end;
    } else if (mark[0] === "]") {
      const label = open.findLastIndex((one) => one.mark === "[");
      const [bracket] = label >= 0 ? open.splice(label) : [];
      const cut = mark[1] === "(" && !found[1] && MARKS.lastIndex === kept.length; // within the address
      if (bracket && cut) return closed(unlinked(kept.slice(0, found.index), bracket.at), open);
    } else if (mark === "[") open.push({ mark, at: found.index });
    else if (mark[0] !== "\\") emphasis(kept, mark, found.index, open);
  }
}

/** Where a run of just these backticks ends. @param {string} text @param {string} ticks @param {number} from */
function after(text, ticks, from) {
  for (let at = from; (at = text.indexOf(ticks, at)) >= 0;) {
    let end = at + ticks.length;
    while (text[end] === "`") end++;
    if (end - at === ticks.length) return end;
    at = end;
  }
  return -1;
}

/** @param {string} text @param {string} mark @param {number} at @param {{mark: string, at: number}[]} open */
function emphasis(text, mark, at, open) {
  const before = text[at - 1] ?? " ";
  const next = text[at + mark.length] ?? " ";
  const within = mark[0] === "_" && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(next);
  let left = mark.length;
  while (!/\s/.test(before) && !within && left > 0) {
    const top = open.at(-1);
    if (!top || top.mark[0] !== mark[0] || top.mark.length > left) break;
    left -= top.mark.length;
    open.pop();
  }
  if (/\s/.test(next) || within) return;
  for (; left > 0; left -= 2) open.push({ mark: mark[0].repeat(Math.min(left, 2)), at });
}

/** @param {string} text @param {{mark: string, at: number}[]} open */
function closed(text, open) {
  const label = open.findLast(({ mark }) => mark === "[");
  const shown = label && label.at > 0 && /\w/.test(text[label.at - 1]) ? text : label ? unlinked(text, label.at) : text;
  const body = shown.trimEnd();
  const ends = open.filter(({ mark }) => mark !== "[").map(({ mark }) => mark);
  return body + ends.reverse().join("") + shown.slice(body.length);
}

/** A link whose address is not there yet is its words. @param {string} text @param {number} at */
function unlinked(text, at) {
  return text.slice(0, text[at - 1] === "!" ? at - 1 : at) + text.slice(at + 1);
}
