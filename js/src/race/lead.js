// Who is ahead. `tokenwidgets/comparison.py` defines it for what is kept; both sides run the same test vectors.

/**
 * What is compared of a lane.
 * @typedef {object} Reading
 * @property {string} stream that it reads
 * @property {number[]} arrived page time of each event, µs
 * @property {boolean} failed whether it did not come to the end, and so is compared with nothing
 * @property {number | null} first `at` of the stream's first content, µs; null where it has none, or failed
 */
/**
 * How far behind the fastest lane of the same stream events came, µs.
 * @typedef {{median: number, p95: number | null, n: number}} Delay
 */

/** A page's clock moves in steps of up to so much, µs; what differs by less does not differ. */
export const CLOCK_STEP_US = 100;

const P95_NEEDS = 20; // so that one lies beyond it

/**
 * The delay of each lane; null where there is nothing to compare it with.
 * @param {Reading[]} lanes
 * @returns {(Delay | null)[]}
 */
export function delays(lanes) {
  return lanes.map((lane) => {
    const rivals = lanes.filter((other) => other.stream === lane.stream && !other.failed && other.arrived.length);
    return lane.failed || rivals.length < 2 ? null : delayOf(lane, rivals);
  });
}

/** @param {Reading} lane @param {Reading[]} rivals the lane among them @returns {Delay | null} */
function delayOf({ arrived }, rivals) {
  const from = Math.max(...rivals.map((rival) => backlog(rival.arrived)));
  const to = Math.min(...rivals.map((rival) => rival.arrived.length));
  const behind = [];
  for (let seq = from; seq < to; seq++) behind.push(arrived[seq] - Math.min(...rivals.map((rival) => rival.arrived[seq])));
  const n = behind.length;
  if (n === 0) return null;
  behind.sort((a, b) => a - b);
  return { median: quantile(behind, 0.5), p95: n < P95_NEEDS ? null : quantile(behind, 0.95), n };
}

/** How many events a lane's first read brought: those were there before it was. @param {number[]} arrived */
function backlog(arrived) {
  const end = arrived.findIndex((at) => at !== arrived[0]);
  return end < 0 ? arrived.length : end;
}

/** Interpolated. @param {number[]} sorted @param {number} q */
function quantile(sorted, q) {
  const place = (sorted.length - 1) * q;
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return Math.floor(sorted[low] + (sorted[high] - sorted[low]) * (place - low) + 0.5);
}

/**
 * The lane that is ahead, and by how much, µs: of one stream the one whose median delay is the smallest, of several the first to have
 * content. null where none is.
 * @param {Reading[]} lanes
 * @returns {{lane: number, lead: number} | null}
 */
export function leader(lanes) {
  const one = lanes.every(({ stream }) => stream === lanes[0].stream);
  const by = one ? delays(lanes).map((delay) => delay?.median ?? null) : firsts(lanes);
  const places = by.flatMap((value, lane) => (value === null ? [] : [{ lane, value }])).sort((a, b) => a.value - b.value);
  if (places.length < 2) return null;
  const lead = places[1].value - places[0].value;
  return lead < (one ? CLOCK_STEP_US : 1) ? null : { lane: places[0].lane, lead };
}

/** The first content of each stream, at the first of its lanes that is whole. @param {Reading[]} lanes */
function firsts(lanes) {
  const whole = lanes.map((lane) => !lane.failed);
  return lanes.map((lane, i) => {
    const spokesman = lanes.findIndex((other, j) => other.stream === lane.stream && whole[j]);
    return spokesman === i ? lane.first : null;
  });
}
