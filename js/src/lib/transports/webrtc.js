// WebRTC peers, one a page for each kind. The data channel `streams` speaks the socket's messages, and brings the events unless a channel
// beside it does: until that one has opened, and if it closes, they come over `streams`.

import { Channel } from "../channel.js";
import { Joiner, split } from "../messages.js";
import { iceServers } from "../ice.js";
import { call } from "../server.js";
import { OPEN_MS } from "../transport.js";
import { pageTap, tapped } from "../wiretap.js";
import { sharedTransport } from "./websocket.js";

/** @import { Message } from "../messages.js" */
/** @import { Server } from "../server.js" */
/** @import { Transport, WebRTCName } from "../transport.js" */

const GATHER_MS = 1000; // with only a loopback interface gathering never ends, and no event says so
const LIVENESS = { every: 1000, dead: 2000 }; // noticed within 3 s; the browser itself takes half a minute
const MESSAGE_BYTES = 65_536; // what any peer takes

/**
 * The channel beside `streams` of each kind: one that loses messages and no events (`redundancy.js`), none, one that keeps no order.
 * @type {Record<WebRTCName, {label: string, options: RTCDataChannelInit} | null>}
 */
const BESIDE = {
  webrtc: { label: "tokens", options: { ordered: false, maxRetransmits: 0 } },
  "webrtc-ordered": null,
  "webrtc-unordered": { label: "unordered", options: { ordered: false } },
};

/**
 * How a peer meets the other side.
 * @typedef {object} Signalling
 * @property {(signal: AbortSignal) => Promise<RTCIceServer[]>} iceServers
 * @property {(offer: RTCSessionDescriptionInit, signal: AbortSignal) => Promise<RTCSessionDescriptionInit>} answer
 */

/** @param {Server} server @returns {Record<WebRTCName, Transport>} */
export function webRTCTransports(server) {
  const signalling = signallingOf(server);
  const seen = (/** @type {RTCPeerConnection} */ peer) => void (pageTap().peer = peer);
  const transport = (/** @type {WebRTCName} */ name) => sharedTransport(name, () => openPeer(signalling, name, OPEN_MS, seen));
  return { webrtc: transport("webrtc"), "webrtc-ordered": transport("webrtc-ordered"), "webrtc-unordered": transport("webrtc-unordered") };
}

/**
 * @param {Signalling} signalling
 * @param {WebRTCName} name
 * @param {number} ms it may take
 * @param {(peer: RTCPeerConnection) => void} [made] told of the peer
 * @returns {Promise<Channel>}
 */
export async function openPeer(signalling, name, ms, made = () => {}) {
  if (typeof RTCPeerConnection === "undefined") throw new Error("this browser has no WebRTC");
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  /** @type {RTCPeerConnection | undefined} */
  let peer;
  try {
    peer = new RTCPeerConnection({ iceServers: await signalling.iceServers(late.signal) });
    made(peer);
    const pipe = peer.createDataChannel("streams", { ordered: true });
    const beside = BESIDE[name];
    const channel = channelOver(peer, name, pipe, beside && peer.createDataChannel(beside.label, beside.options));
    await negotiate(signalling, peer, late.signal);
    await opening(pipe, channel, late.signal);
    return channel;
  } catch (error) {
    peer?.close();
    throw late.signal.aborted ? new Error(`no direct path to the server was found within ${ms / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {RTCPeerConnection} peer
 * @param {WebRTCName} name
 * @param {RTCDataChannel} pipe
 * @param {RTCDataChannel | null} beside
 */
function channelOver(peer, name, pipe, beside) {
  const channel = new Channel({
    send: (message) => {
      const limit = Math.min(peer.sctp?.maxMessageSize ?? MESSAGE_BYTES, MESSAGE_BYTES);
      const texts = split(JSON.stringify(message), limit);
      tapped(name, "out", message.stream, texts.join(""), texts);
      for (const text of texts) pipe.send(text);
    },
    via: beside?.label,
    acknowledge: name === "webrtc" ? (message) => acknowledge(/** @type {RTCDataChannel} */ (beside), message) : undefined,
    close: () => peer.close(),
    liveness: LIVENESS,
  });
  hear(pipe, name, channel);
  pipe.onclose = () => channel.fail("the data channel was closed");
  if (beside) hear(beside, name, channel);
  peer.onconnectionstatechange = () => {
    if (peer.connectionState === "failed") channel.close();
  };
  return channel;
}

/**
 * Hand on what comes over a data channel.
 * @param {RTCDataChannel} pipe
 * @param {WebRTCName} name
 * @param {Channel} channel
 */
function hear(pipe, name, channel) {
  const joiner = new Joiner();
  /** @type {string[]} */
  let pieces = [];
  pipe.onmessage = ({ data }) => {
    try {
      const message = joiner.take(JSON.parse(data));
      pieces.push(data);
      if (!message) return;
      tapped(name, "in", message.stream, pieces.join(""), pieces);
      pieces = [];
      channel.receive(message);
    } catch {
      channel.close(); // what cannot be read would be a gap: begin anew
    }
    if (pipe.label === "unordered") pipe.onclose = () => channel.close(); // nobody knows what it had still to bring
  };
}

/**
 * @param {RTCDataChannel} pipe
 * @param {Message} message
 */
function acknowledge(pipe, message) {
  if (pipe.readyState !== "open") return;
  const text = JSON.stringify(message);
  tapped("webrtc", "out", message.stream, text);
  pipe.send(text);
}

/**
 * @param {Signalling} signalling
 * @param {RTCPeerConnection} peer
 * @param {AbortSignal} signal
 */
async function negotiate(signalling, peer, signal) {
  await peer.setLocalDescription();
  await gathered(peer);
  const { sdp, type } = /** @type {RTCSessionDescription} */ (peer.localDescription);
  await peer.setRemoteDescription(await signalling.answer({ sdp, type }, signal));
}

/** @param {Server} server @returns {Signalling} */
const signallingOf = (server) => ({
  iceServers: (signal) => iceServers(server, signal),
  async answer(offer, signal) {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(offer), signal };
    const response = await call(server, "tokenwidgets/rtc", init);
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.message || `the server answered ${response.status} to the offer`);
    return answer;
  },
});

/** @param {RTCPeerConnection} peer */
function gathered(peer) {
  return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    const look = () => {
      if (peer.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    };
    peer.onicegatheringstatechange = look;
    look();
  });
}

/**
 * @param {RTCDataChannel} pipe
 * @param {Channel} channel
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function opening(pipe, channel, signal) {
  return new Promise((resolve, reject) => {
    if (pipe.readyState === "open") resolve();
    pipe.onopen = () => resolve();
    signal.addEventListener("abort", () => reject(signal.reason));
    channel.closed.then(() => reject(new Error("the peer connection failed")));
  });
}
