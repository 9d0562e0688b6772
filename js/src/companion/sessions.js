// Who begins sessions where there is no kernel: the page itself, with its own credentials.

import { call, findServer } from "../lib/server.js";
import { reasonOf } from "../lib/transport.js";

/** @import { PageModel } from "../host/model.js" */
/** @import { Run } from "../lib/session.js" */

/** What a widget knows of a session. @param {string} stream @param {string} model @returns {Run} */
export const run = (stream, model = "") => ({ stream, model, transport: "auto", place: "server", ended: -1, error: "" });

/** @param {string} code @param {string} message */
export const refusal = (code, message) => ({ error: { code, message } });

/**
 * The answer to the question `talk`: a session was begun, and is among the trait `runs`.
 * @param {PageModel} model
 * @param {string} [stream] the session of a notebook, in place of which none is begun
 */
export async function talk(model, stream) {
  if (stream) return refusal("not_found", "This session has ended: begin another one in the notebook, and open its page.");
  try {
    const id = await begun(model);
    model.set("runs", [...model.get("runs"), run(id, model.get("model"))]);
    return { stream: id };
  } catch (error) {
    return refusal("connection", reasonOf(error));
  }
}

/** @param {PageModel} model @returns {Promise<string>} */
async function begun(model) {
  const server = findServer();
  if (!server) throw new Error("this page has no server");
  const body = JSON.stringify({ model: model.get("model"), session: { turn_detection: model.get("hands_free") ? "server" : "none", interrupt: model.get("interrupt") } });
  const headers = { "Content-Type": "application/json" };
  const response = await call(server, "tokenwidgets/streams", { method: "POST", headers, body });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message || `the server answered ${response.status}`);
  return answer.id;
}
