// What a message is, in a word.

import { json } from "../lib/wire.js";

/** Fields of a chat chunk's delta, the telling ones first, and what they make it. @type {[string, string][]} */
const DELTAS = [
  ["tool_calls", "tool"],
  ["reasoning_content", "reasoning"],
  ["reasoning", "reasoning"],
  ["refusal", "refusal"],
  ["content", "text"],
  ["audio", "audio"],
  ["role", "role"],
];

/** @param {string} data of a message @returns {string} */
export function kindOf(data) {
  if (data === "") return "comment";
  if (data === "[DONE]") return "done";
  const value = json(data);
  if (value === undefined) return "part";
  if (Array.isArray(value.events)) return eventsKind(value.events);
  if (typeof value.type === "string") return value.type.replace(/^response\./, "");
  if (typeof value.op === "string") return value.op;
  if (value.error) return "error";
  return chatKind(value) ?? geminiKind(value) ?? "message";
}

/** @param {{type?: string}[]} events */
function eventsKind(events) {
  const types = [...new Set(events.map(({ type }) => type))];
  return types.slice(0, 2).join(", ") + (types.length > 2 ? ", …" : "") || "events";
}

/** @param {any} value */
function chatKind({ choices, usage }) {
  if (!Array.isArray(choices)) return undefined;
  const [choice] = choices;
  if (!choice) return usage ? "usage" : "empty";
  const telling = DELTAS.find(([field]) => choice.delta?.[field]);
  return telling?.[1] ?? (choice.finish_reason ? "finish" : "empty");
}

/** @param {any} value */
function geminiKind({ candidates, promptFeedback, usageMetadata }) {
  if (Array.isArray(candidates)) return candidates[0]?.content?.parts?.[0]?.thought ? "reasoning" : "text";
  return promptFeedback ? "feedback" : usageMetadata ? "usage" : undefined;
}
