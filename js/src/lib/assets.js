// Heavy parts, fetched when first needed: from the page's Jupyter server where there is one, else from the kernel. Never from the net.

import { call, findServer } from "./server.js";

/** @import { Ask } from "./ask.js" */

/** @typedef {(name: string) => Promise<any>} Load gives the default export of an asset's module */

const LOADED = Symbol.for("tokenwidgets.assets.v1");

/**
 * @param {Ask} ask
 * @returns {Load}
 */
export function loader(ask) {
  const page = /** @type {Record<symbol, Map<string, Promise<any>>>} */ (/** @type {unknown} */ (globalThis));
  const loaded = (page[LOADED] ??= new Map());
  return (name) => {
    const known = loaded.get(name) ?? load(name, ask);
    loaded.set(name, known);
    known.catch(() => loaded.delete(name));
    return known;
  };
}

/** @param {string} name @param {Ask} ask */
async function load(name, ask) {
  const text = (await fromServer(name)) ?? (await ask("asset", { name })).text;
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return (await import(url)).default;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Another server than the kernel's, or one without the extension, has none. @param {string} name */
async function fromServer(name) {
  const server = findServer();
  const answer = server && (await call(server, `tokenwidgets/assets/${name}.js`).catch(() => null));
  return answer?.ok ? answer.text() : null;
}
