// What several tests need.

/** Numbers from 0 to 1, the same for the same seed. @param {number} seed */
export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Bytes in pieces of one to twelve. @param {Uint8Array} bytes @param {number} seed */
export function randomCuts(bytes, seed) {
  const random = generator(seed);
  const pieces = [];
  for (let from = 0; from < bytes.length; ) {
    const to = from + 1 + Math.floor(random() * 12);
    pieces.push(bytes.slice(from, to));
    from = to;
  }
  return pieces;
}

/** A finished stream of `n` pieces of text. @param {number} n @returns {import("../src/lib/messages.js").StreamEvent[]} */
export function journal(n) {
  const texts = Array.from({ length: n }, (_, i) => ({ type: "text", seq: i + 1, at: 1000 * (i + 1), block: 0, delta: `w${i} ` }));
  return [
    { type: "start", seq: 0, at: 0, id: "s", model: "sim/steady", host: "sim", dialect: "openai-chat", created: 1 },
    ...texts,
    { type: "end", seq: n + 1, at: 1000 * (n + 1), reason: "stop" },
  ];
}

/** Let everything that waits only for promises, or for a turn of the event loop, go on. */
export async function settled() {
  for (let turn = 0; turn < 4; turn++) await nextTurn();
}

/** One turn of the event loop. */
export const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Time that moves only by `pass`. */
export class FakeTime {
  time = 0;
  /** @type {Set<{at: number, every: number | null, f: () => void}>} */
  #timers = new Set();
  now = () => this.time;
  /** @param {() => void} f @param {number} ms */
  setTimeout = (f, ms) => this.#add({ at: this.time + ms, every: null, f });
  /** @param {() => void} f @param {number} ms */
  setInterval = (f, ms) => this.#add({ at: this.time + ms, every: ms, f });
  /** @param {any} timer */
  clearTimeout = (timer) => void this.#timers.delete(timer);
  clearInterval = this.clearTimeout;

  /** @param {{at: number, every: number | null, f: () => void}} timer */
  #add(timer) {
    this.#timers.add(timer);
    return timer;
  }

  /** @param {number} ms */
  async pass(ms) {
    const end = this.time + ms;
    for (;;) {
      await settled();
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.time = next.at;
      if (next.every === null) this.#timers.delete(next);
      else next.at += next.every;
      next.f();
    }
    this.time = end;
    await settled();
  }
}

/** In place of the browser's: everything is in sight, until a test says otherwise of all there is. */
export class IntersectionObserver {
  /** @type {Set<IntersectionObserver>} */
  static all = new Set();
  #tell;
  /** @param {(entries: {isIntersecting: boolean}[]) => void} tell */
  constructor(tell) {
    this.#tell = tell;
    IntersectionObserver.all.add(this);
  }
  observe() {}
  disconnect() {
    IntersectionObserver.all.delete(this);
  }
  /** @param {boolean} seen */
  static see(seen) {
    for (const one of IntersectionObserver.all) one.#tell([{ isIntersecting: seen }]);
  }
}
