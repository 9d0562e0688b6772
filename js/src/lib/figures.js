// The figures of a stream and how they are written. Integers throughout, so that Python writes the same digits.

/** @import { StreamState } from "./state.js" */

/**
 * @typedef {object} Figures
 * @property {number | null} first_token_us `at` of the first content that is not empty
 * @property {number} tokens the provider's count of all it generated; without one, or with one that is older than the last content, an
 *   estimate
 * @property {boolean} tokens_exact
 * @property {number | null} rate tokens after the first, over the time from the first chunk to the last; per second
 * @property {number | null} total_us `at` of the terminal event
 * @property {number} chunks content events that are not empty; a chunk may be more or less than a token
 * @property {number} retries attempts after the first; the wait for them is part of the time to the first token
 */

/** @param {StreamState} state @returns {Figures} */
export function figures({ ats, characters, usage, behind, retries, terminal }) {
  const counted = generated(usage);
  const exact = counted !== null && !behind;
  const tokens = exact ? counted : Math.max(counted ?? 0, estimate(ats.length, characters));
  const span = ats.length ? ats[ats.length - 1] - ats[0] : 0;
  return {
    first_token_us: ats[0] ?? null,
    tokens,
    tokens_exact: exact,
    rate: tokens > 1 && span > 0 ? ((tokens - 1) * 1_000_000) / span : null,
    total_us: terminal?.at ?? null,
    chunks: ats.length,
    retries,
  };
}

/** Every token the model produced, or null when the provider did not say. @param {StreamState["usage"]} usage */
function generated(usage) {
  const counts = [usage?.output, usage?.reasoning, usage?.audio_out].filter((n) => typeof n === "number");
  return counts.length ? counts.reduce((sum, n) => sum + n, 0) : null;
}

/** A chunk is seldom less than a token, and a token seldom less than four characters. @param {number} chunks @param {number} characters */
export const estimate = (chunks, characters) => Math.max(chunks, Math.ceil(characters / 4));

/** One line of them. @param {Figures} of */
export function line({ first_token_us, tokens, tokens_exact, rate, total_us, retries }) {
  const about = tokens_exact ? "" : "~";
  const parts = [];
  if (first_token_us !== null) parts.push(`first token ${duration(first_token_us)}`);
  else if (tokens > 0) parts.push("first token –");
  else parts.push(total_us === null ? "no token yet" : "no token");
  if (rate !== null) parts.push(`${about}${speed(rate)} tok/s`);
  if (tokens > 0) parts.push(`${about}${grouped(tokens)} tok`);
  if (total_us !== null) parts.push(seconds(total_us));
  if (retries > 0) parts.push(`${retries} ${retries === 1 ? "retry" : "retries"}`);
  return parts.join(" · ");
}

/** The token a stream stopped at, as people say it. @param {Figures} of */
export const position = ({ tokens, tokens_exact }) => (tokens_exact ? grouped(tokens) : `~${grouped(tokens)}`);

/** Whole milliseconds below a second. @param {number} us */
export function duration(us) {
  const ms = rounded(us, 1000);
  return ms < 1000 ? `${ms} ms` : seconds(us);
}

/** Two decimals below ten seconds, one above. @param {number} us */
export function seconds(us) {
  const hundredths = rounded(us, 10_000);
  if (hundredths < 1000) return `${decimal(hundredths, 100)} s`;
  return `${decimal(rounded(us, 100_000), 10)} s`;
}

/** A counting clock: tenths, since hundredths only flicker. @param {number} us */
export const clock = (us) => `${decimal(Math.floor(Math.max(us, 0) / 100_000), 10)} s`;

/** @param {number} n */
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

/** @param {number} rate */
function speed(rate) {
  const tenths = Math.floor(rate * 10 + 0.5);
  return tenths < 100 ? decimal(tenths, 10) : grouped(Math.floor(rate + 0.5));
}

/** Half goes up. @param {number} n @param {number} unit */
const rounded = (n, unit) => Math.floor((n + unit / 2) / unit);

/** @param {number} n @param {10 | 100} unit */
function decimal(n, unit) {
  const digits = unit === 10 ? 1 : 2;
  return `${grouped(Math.floor(n / unit))}.${String(n % unit).padStart(digits, "0")}`;
}
