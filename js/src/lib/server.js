// Where the Jupyter server is, seen from the page, and how to call it.

/**
 * @typedef {object} Server
 * @property {string} base URL of the server, with a slash at its end, as the page gave it
 */

/**
 * The server this page came from, or null where there is none (VS Code, Colab, an exported page).
 * @param {Document} page
 * @returns {Server | null}
 */
export function findServer(page = document) {
  const { baseUrl } = config(page);
  const base = typeof baseUrl === "string" ? baseUrl : page.body?.dataset.baseUrl;
  if (!base) return null;
  return { base: base.endsWith("/") ? base : `${base}/` };
}

/**
 * What Jupyter's applications write into their pages; nothing in others.
 * @param {Document} page
 * @returns {Record<string, unknown>}
 */
export function config(page) {
  try {
    return JSON.parse(page.getElementById("jupyter-config-data")?.textContent || "{}");
  } catch {
    return {};
  }
}

/**
 * The XSRF token. Of several `_xsrf` cookies the last one counts, as in tornado's own parser.
 * @param {string} cookies
 */
export function xsrf(cookies) {
  const found = cookies.split(/;\s*/).filter((pair) => pair.startsWith("_xsrf="));
  return found.at(-1)?.slice("_xsrf=".length) ?? null;
}

/**
 * Fetch from the server, signed with the page's cookies. JupyterHub wants the XSRF header on GETs too.
 * @param {Server} server
 * @param {string} path below the base URL
 * @param {RequestInit} init
 */
export async function call(server, path, init = {}) {
  const headers = new Headers(init.headers);
  const token = xsrf(document.cookie);
  if (token !== null) headers.set("X-XSRFToken", token);
  try {
    return await fetch(server.base + path, { ...init, headers, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    // A browser says no more than "Failed to fetch".
    throw error instanceof TypeError ? new Error("the Jupyter server cannot be reached") : error;
  }
}

/**
 * The address of a WebSocket of the server: the page's own, with the scheme swapped.
 * @param {Server} server
 * @param {string} path
 * @param {string} page the page's address
 */
export function socketUrl(server, path, page = location.href) {
  return new URL(server.base + path, page).href.replace(/^http/, "ws");
}
