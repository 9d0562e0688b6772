// The packets of a lane on their wire: what goes to the reader above the line, what comes back below it, what is lost falls.

import { h } from "../lib/dom.js";
import { placeOf } from "./feed.js";

/** @import { Packet } from "./feed.js" */

const HEIGHT = 40;
const EDGE = 6;
const MEASURE_MS = 500;

export class Wire {
  #canvas = h("canvas", "tw-lab-canvas");
  #width = 0;
  #hue = "";
  #lost = "";
  #measuredAt = -Infinity;
  #blank = true;
  root = h("div", "tw-lab-wire", this.#canvas);

  constructor() {
    this.#canvas.ariaHidden = "true";
  }

  /** @param {Packet[]} packets of this lane @param {number} near µs of the run at the near end */
  draw(packets, near) {
    if (packets.length === 0 && this.#blank) return;
    this.#measure();
    const context = this.#width ? this.#canvas.getContext("2d") : null;
    if (!context) return;
    const scale = this.#canvas.width / this.#width;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.#width, HEIGHT);
    for (const packet of packets) this.#packet(context, packet, near);
    this.#blank = packets.length === 0;
  }

  /** Colours and size change with the theme and the window; to look at them for each frame would cost. */
  #measure() {
    const now = performance.now();
    if (now - this.#measuredAt < MEASURE_MS) return;
    this.#measuredAt = now;
    this.#hue = getComputedStyle(this.root).color;
    this.#lost = getComputedStyle(this.#canvas).color;
    const width = this.root.clientWidth;
    const pixels = Math.round(width * (globalThis.devicePixelRatio || 1));
    if (pixels === this.#canvas.width && width === this.#width) return;
    this.#width = width;
    this.#canvas.width = pixels;
    this.#canvas.height = Math.round((HEIGHT * pixels) / (width || 1));
  }

  /** @param {CanvasRenderingContext2D} context @param {Packet} packet @param {number} near */
  #packet(context, packet, near) {
    const place = placeOf(packet, near);
    if (!place) return;
    const x = EDGE + place.x * (this.#width - 2 * EDGE);
    const y = HEIGHT / 2 + (packet.forward ? -7 : 7);
    const radius = packet.forward ? Math.min(5, 2 + packet.size / 300) : 1.5;
    if (place.fallen > 0) this.#cross(context, x, y + place.fallen ** 2 * (HEIGHT - y), 1 - place.fallen);
    else this.#dot(context, x, y, radius);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} radius */
  #dot(context, x, y, radius) {
    context.fillStyle = this.#hue;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }

  /**
   * So that what is lost is told from the others in grey too.
   * @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} left how much of it is still seen
   */
  #cross(context, x, y, left) {
    context.globalAlpha = Math.max(0, left);
    context.strokeStyle = this.#lost;
    context.lineWidth = 2;
    context.beginPath();
    for (const side of [-1, 1]) {
      context.moveTo(x - 3.5, y - 3.5 * side);
      context.lineTo(x + 3.5, y + 3.5 * side);
    }
    context.stroke();
    context.globalAlpha = 1;
  }
}
