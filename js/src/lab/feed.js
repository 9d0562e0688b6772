// What the kernel tells of a run, kept until it is drawn. Reports come in messages some time after the fact, and packets are too quick to
// be seen: so all is drawn a little later, and the far side later than the near one, by the same time for every packet. What comes out of
// the wire keeps its own times.

/**
 * A packet: when it entered the link and left it, µs of the run; `lost` is not 0 where it never does.
 * @typedef {{lane: number, forward: boolean, size: number, at: number, to: number, lost: number}} Packet
 * @typedef {{run: number, n: number, now: number, given: [number, number, string][], reached?: number[],
 *   shown?: [number, number, number][], packets?: number[][], every?: number}} Message
 */

export const NEAR_US = 200_000; // reports are on their way so long, and longer than that seldom
export const WIRE_US = 600_000; // by which the wire is drawn longer than it is
export const FALL_US = 450_000;

const TAIL = 320; // characters of a lane's text; more are not shown
const MOST_PACKETS = 4000; // of those that wait to be drawn
const QUEUE = 2; // lost as it entered the link: it found the queue full

export class Feed {
  run = 0;
  every = 1;
  /** By lane, the end of its text. @type {string[]} */
  texts = [];
  /** @type {Packet[]} */
  packets = [];
  #n = 0;
  #offset = -Infinity;
  #newest = 0;
  #given = new Map();
  /** @type {[number, number, number][]} */
  #shown = [];

  /** @param {number} lanes how many there are */
  constructor(lanes) {
    this.texts = Array(lanes).fill("");
  }

  /**
   * Take a message. False when some were missed before it: only a snapshot brings those back.
   * @param {Message} message
   * @param {number} now µs of the page's own clock
   */
  take(message, now) {
    if (message.run > this.run && message.n === 0) this.restart({ run: message.run, n: 0, now: 0, given: [] }, now);
    if (message.run !== this.run || message.n < this.#n) return message.run <= this.run;
    if (message.n > this.#n) return false;
    this.#n += 1;
    this.#clock(message, now);
    for (const [seq, , text] of message.given) this.#given.set(seq, text);
    for (const shown of message.shown ?? []) this.#shown.push(shown);
    for (const [lane, forward, size, at, to, lost] of message.packets ?? []) {
      this.packets.push({ lane, forward: forward === 1, size, at, to: lost ? at : to, lost });
    }
    if (this.packets.length > MOST_PACKETS) this.packets.splice(0, this.packets.length - MOST_PACKETS);
    this.every = message.every ?? 1;
    return true;
  }

  /** Begin where the kernel is. @param {Message} snapshot @param {number} now */
  restart(snapshot, now) {
    this.run = snapshot.run;
    this.#n = snapshot.n;
    this.#offset = -Infinity;
    this.#newest = 0;
    this.#given = new Map(snapshot.given.map(([seq, , text]) => [seq, text]));
    this.#shown = [];
    this.packets = [];
    this.texts = this.texts.map((_, lane) => {
      const reached = snapshot.reached?.[lane] ?? -1;
      return snapshot.given.filter(([seq]) => seq <= reached).map(([, , text]) => text).join("").slice(-TAIL);
    });
    if (snapshot.now) this.#clock(snapshot, now);
  }

  /** The instant of the run that the near end shows now, µs. @param {number} now µs of the page's own clock */
  near(now) {
    return this.#offset + now - NEAR_US;
  }

  /** Put what the far side has shown by now into the texts, and forget packets that have arrived. @param {number} now */
  advance(now) {
    const near = this.near(now);
    let due = 0;
    while (due < this.#shown.length && this.#shown[due][2] + WIRE_US <= near) {
      const [lane, seq] = this.#shown[due++];
      this.texts[lane] = (this.texts[lane] + (this.#given.get(seq) ?? "")).slice(-TAIL);
    }
    this.#shown.splice(0, due);
    this.packets = this.packets.filter((packet) => !gone(packet, near));
  }

  /** Whether anything is still to be drawn. @param {number} now */
  busy(now) {
    return this.packets.length > 0 || this.#shown.length > 0 || (this.#newest > 0 && this.near(now) < this.#newest + WIRE_US);
  }

  /** @param {Message} message @param {number} now */
  #clock(message, now) {
    this.#newest = Math.max(this.#newest, message.now);
    this.#offset = Math.max(this.#offset, message.now - now);
  }
}

/** When a packet leaves its end, as drawn. @param {Packet} packet */
const leaves = ({ forward, at }) => (forward ? at : at + WIRE_US);

/** @param {Packet} packet @param {number} near */
function gone(packet, near) {
  const flown = near - leaves(packet);
  return flown > (packet.lost ? fallsAfter(packet) + FALL_US : packet.to - packet.at + WIRE_US);
}

/** How long a packet that is lost is seen before it falls: somewhere on the wire, not all at one place. @param {Packet} packet */
const fallsAfter = ({ lost, at }) => (lost === QUEUE ? WIRE_US / 12 : WIRE_US * (0.35 + 0.3 * ((at / 7919) % 1)));

/**
 * Where a packet is drawn: along the wire, and how far it has fallen; null before it leaves.
 * @param {Packet} packet
 * @param {number} near µs of the run, at the near end
 * @returns {{x: number, fallen: number} | null}
 */
export function placeOf(packet, near) {
  const flown = near - leaves(packet);
  if (flown < 0) return null;
  const takes = packet.to - packet.at + WIRE_US;
  const falls = fallsAfter(packet);
  const along = packet.lost ? Math.min(flown, falls) / takes : Math.min(1, flown / takes);
  const fallen = packet.lost ? Math.max(0, flown - falls) / FALL_US : 0;
  return { x: packet.forward ? along : 1 - along, fallen };
}
