// A session that the kernel begins: a page may not, where users are told apart.

/** @import { Ask } from "../lib/ask.js" */
/** @import { Runs } from "../lib/runs.js" */
/** @import { Session } from "../lib/session.js" */

const START_MS = 40_000;

/**
 * Have the kernel begin one, or name the one that is open.
 * @param {Ask} ask
 * @param {Runs} runs
 * @param {() => void} missing told where the kernel named one that is not among the widget's traits: they are on their way, or were lost
 * @returns {Promise<Session>}
 */
export async function begun(ask, runs, missing) {
  const { stream } = await ask("talk", {}, START_MS);
  return new Promise((resolve) => {
    const gone = new AbortController();
    const look = () => {
      const session = runs.sessions.find((each) => each.stream === stream);
      if (!session) return missing();
      gone.abort();
      resolve(session);
    };
    runs.subscribe(look, gone.signal);
  });
}
