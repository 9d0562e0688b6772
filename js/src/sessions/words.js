// What the session bar says.

import { clock, grouped } from "../lib/figures.js";
import { LABELS } from "../lib/transport.js";

/** @import { TransportName } from "../lib/transport.js" */
/** @import { Brief, Host } from "./source.js" */

const KIB = 1024;
const MIB = 1024 * KIB;

/** @type {Record<string, string>} */
const OTHER_READERS = { direct: "in the kernel", gateway: "gateway" };

/** @param {number} n */
const bytes = (n) => (n >= 10 * MIB ? `${grouped(Math.round(n / MIB))} MiB` : n >= MIB ? `${(n / MIB).toFixed(1)} MiB` : `${Math.round(n / KIB)} KiB`);

/** Those that are shown, and how. @type {[string, string, (n: number) => string][]} */
const LIMITS = [
  ["open_streams", "streams", grouped],
  ["total_bytes", "held", bytes],
  ["sockets", "sockets", grouped],
  ["peers", "WebRTC peers", grouped],
];

/** Each as used, limit, and words. @param {Record<string, number>} used @param {Record<string, number>} limits */
export function limitWords(used, limits) {
  return LIMITS.filter(([name]) => name in used && name in limits).map(([name, what, write]) => ({
    share: limits[name] ? used[name] / limits[name] : 1,
    words: `${write(used[name])} of ${write(limits[name])} ${what}`,
  }));
}

/** Of now, or how long it ran. @param {Brief} stream */
export const age = ({ age }) => clock(age);

/** @param {Brief} stream */
export function rate({ rate, state, phase }) {
  if (state !== "running") return "";
  if (rate === null) return phase === "waiting" ? "no token yet" : "–";
  return `~${rate < 9.95 ? rate.toFixed(1) : grouped(Math.floor(rate + 0.5))} tok/s`;
}

/** @param {Brief} stream @returns {{transport: string, words: string}[]} */
export function readers({ transports, state }) {
  const told = Object.entries(transports).map(([name, n]) => ({
    transport: name,
    words: (LABELS[/** @type {TransportName} */ (name)] ?? OTHER_READERS[name] ?? name) + (n > 1 ? ` × ${n}` : ""),
  }));
  return told.length || state !== "running" ? told : [{ transport: "", words: "nobody reads it" }];
}

/** The state of a host's key; never the key. @param {Host} host */
export function keyWords({ key }) {
  if (key.present) return `present, from ${key.source}`;
  if (key.problem) return `unusable: ${key.problem}`;
  return key.needed ? `missing: set ${key.variable}` : "not needed";
}

/** @param {Host[]} hosts */
export function hostsTitle(hosts) {
  const present = hosts.filter(({ key }) => key.present).length;
  return `${hosts.length} hosts, ${present === 0 ? "no key" : present === 1 ? "1 key" : `${present} keys`} present`;
}
