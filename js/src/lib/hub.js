// What all widgets of a page share. Each widget's module is evaluated on its own, so module state is not shared: this is.

/** @import { Channel } from "./channel.js" */
/** @import { Upgradable } from "./upgrade.js" */

/**
 * @typedef {object} Shared
 * @property {Promise<Channel>} value
 * @property {number} users
 * @property {any} timer
 */
/** @typedef {{channels: Map<string, Shared>, sse: number, noPeer?: string, upgraded?: Set<Upgradable>}} Hub */

const KEY = Symbol.for("tokenwidgets.hub.v1");
const LINGER_MS = 5000;

/** @returns {Hub} */
export function pageHub() {
  const page = /** @type {Record<symbol, Hub>} */ (/** @type {unknown} */ (globalThis));
  return (page[KEY] ??= { channels: new Map(), sse: 0 });
}

/**
 * Use the page's one channel of this kind; it opens with its first user and closes some seconds after its last.
 * @param {string} kind
 * @param {() => Promise<Channel>} open
 * @param {{setTimeout: (f: () => void, ms: number) => any, clearTimeout: (timer: any) => void}} timers
 * @param {Hub} hub
 * @returns {{value: Promise<Channel>, release: () => void}}
 */
export function lease(kind, open, timers = globalThis, hub = pageHub()) {
  const { channels } = hub;
  const shared = channels.get(kind) ?? create();
  timers.clearTimeout(shared.timer);
  shared.users += 1;
  return { value: shared.value, release };

  function create() {
    /** @type {Shared} */
    const made = { value: open(), users: 0, timer: undefined };
    channels.set(kind, made);
    made.value.then((channel) => channel.closed).then(() => forget(made), () => forget(made));
    return made;
  }

  /** @param {Shared} gone */
  function forget(gone) {
    if (channels.get(kind) === gone) channels.delete(kind);
  }

  function release() {
    shared.users -= 1;
    if (shared.users > 0) return;
    shared.timer = timers.setTimeout(() => {
      forget(shared);
      shared.value.then((channel) => channel.close(), () => {});
    }, LINGER_MS);
  }
}
