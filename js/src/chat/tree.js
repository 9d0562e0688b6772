// A tree of messages as rows to be read: a question, and the answers to it.

/**
 * A message, as `tokenwidgets/chat_news.py` tells it.
 * @typedef {object} Message
 * @property {number} id its index among all
 * @property {number | null} parent
 * @property {"user" | "assistant" | "tool"} role
 * @property {string} [text]
 * @property {Picture[]} [pictures]
 * @property {string} [thoughts]
 * @property {{id: string, name: string, arguments: string}[]} [calls]
 * @property {string} [call] the one that a tool's message answers
 * @property {string} [model]
 * @property {string} [stream]
 * @property {string} [finish_reason]
 * @property {string} [error]
 * @property {number} [seconds]
 * @property {string} [figures]
 */
/** @typedef {{name: string, preview: string, note: string}} Picture */
/** @import { Run } from "../lib/session.js" */
/**
 * An answer that comes, or came last.
 * @typedef {object} Turn
 * @property {string} key
 * @property {number | null} to the message that is answered
 * @property {string} model
 * @property {number | null} first the answer's first message, once it is said
 * @property {Run[]} runs the stream of each round
 * @property {boolean} done
 * @property {string} error
 */
/**
 * @typedef {object} Answer
 * @property {string} key the same as long as it is shown
 * @property {string} model
 * @property {number} first the id of its first message, -1 while there is none
 * @property {Message[]} steps what the model said, round by round
 * @property {Map<string, Message>} results of tools, by call
 * @property {Turn | null} turn whose it is
 */
/**
 * Answers of one model, of which one is seen.
 * @typedef {object} Column
 * @property {Answer[]} answers
 * @property {number} at
 * @property {boolean} chosen whether the talk goes on from here
 */
/**
 * @typedef {object} Row
 * @property {Message | null} question null before the first
 * @property {number[]} siblings the ids of the question and of what was asked instead of it
 * @property {Column[]} columns
 */

/** The messages from the first to a leaf. @param {Message[]} messages @param {number | null} leaf */
export function pathTo(messages, leaf) {
  const path = [];
  for (let at = leaf; at !== null && messages[at]; at = messages[at].parent) path.unshift(messages[at]);
  return path;
}

/**
 * @param {Message[]} messages all of them
 * @param {number | null} leaf
 * @param {Turn[]} turns
 * @returns {Row[]}
 */
export function rowsOf(messages, leaf, turns) {
  const children = childrenOf(messages);
  const path = pathTo(messages, leaf);
  const on = new Set(path.map(({ id }) => id));
  const questions = path.filter(({ role }) => role === "user");
  const starts = path.length && path[0].role !== "user" ? [null, ...questions] : questions;
  return starts.map((question) => ({
    question,
    siblings: question ? (children.get(question.parent) ?? []).filter(({ role }) => role === "user").map(({ id }) => id) : [],
    columns: columnsOf(question?.id ?? null, children, on, turns),
  }));
}

/** @param {Message[]} messages @returns {Map<number | null, Message[]>} */
function childrenOf(messages) {
  const children = new Map();
  for (const message of messages) {
    const known = children.get(message.parent);
    if (known) known.push(message);
    else children.set(message.parent, [message]);
  }
  return children;
}

/**
 * @param {number | null} question
 * @param {Map<number | null, Message[]>} children
 * @param {Set<number>} on ids of the path
 * @param {Turn[]} turns
 * @returns {Column[]}
 */
function columnsOf(question, children, on, turns) {
  const firsts = (children.get(question) ?? []).filter(({ role }) => role === "assistant");
  const said = firsts.map((first) => answerOf(first, children, on, turns));
  const coming = turns.filter((turn) => turn.to === question && !said.some((answer) => answer.turn === turn));
  const answers = [...said, ...coming.map((turn) => ({ key: turn.key, model: turn.model, first: -1, steps: [], results: new Map(), turn }))];
  const asked = turns.filter((turn) => turn.to === question);
  const first = asked.some((turn) => !turn.done) ? asked[0] : null; // of several, the talk goes on from the first's
  /** @type {Map<string, Answer[]>} */
  const byModel = new Map();
  for (const answer of answers) byModel.set(answer.model, [...(byModel.get(answer.model) ?? []), answer]);
  const inOrder = [...byModel].sort(([a], [b]) => (a < b ? -1 : 1)); // the order in which they end would move them
  return inOrder.map(([, answers]) => {
    const coming = answers.findIndex(({ turn }) => turn && !turn.done);
    const kept = answers.findIndex(({ first }) => on.has(first));
    const at = coming >= 0 ? coming : kept >= 0 ? kept : answers.length - 1;
    return { answers, at, chosen: first ? answers[at].turn === first : kept >= 0 };
  });
}

/**
 * An answer with the rounds it took: along the path, elsewhere by the newest.
 * @param {Message} first
 * @param {Map<number | null, Message[]>} children
 * @param {Set<number>} on
 * @param {Turn[]} turns
 * @returns {Answer}
 */
function answerOf(first, children, on, turns) {
  const steps = [];
  const results = new Map();
  /** @type {Message | undefined} */
  let at = first;
  while (at) {
    if (at.role === "assistant") steps.push(at);
    else results.set(at.call, at);
    /** @type {Message[]} */
    const below = (children.get(at.id) ?? []).filter(({ role }) => role !== "user");
    at = below.find(({ id }) => on.has(id)) ?? below.at(-1);
  }
  const turn = turns.find((turn) => turn.first === first.id) ?? null;
  return { key: turn?.key ?? `message ${first.id}`, model: first.model ?? "", first: first.id, steps, results, turn };
}

/** Every model that answered on the rows. @param {Row[]} rows */
export const modelsOf = (rows) => new Set(rows.flatMap(({ columns }) => columns.map(({ answers, at }) => answers[at].model)));
