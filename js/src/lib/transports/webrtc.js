// One WebRTC peer a page; its data channel `streams` speaks the socket's messages.

import { Channel } from "../channel.js";
import { Joiner, split } from "../messages.js";
import { call } from "../server.js";
import { OPEN_MS } from "../transport.js";
import { pageTap, tapped } from "../wiretap.js";
import { sharedTransport } from "./websocket.js";

/** @import { Server } from "../server.js" */
/** @import { Transport } from "../transport.js" */

const GATHER_MS = 1000; // with only a loopback interface gathering never ends, and no event says so
const LIVENESS = { every: 1000, dead: 3000 }; // the browser itself notices a dead peer after half a minute
const MESSAGE_BYTES = 65_536; // what any peer takes

/**
 * @param {Server} server
 * @returns {Transport}
 */
export function webRTCTransport(server) {
  return sharedTransport("webrtc", () => openPeer(server));
}

/**
 * @param {Server} server
 * @returns {Promise<Channel>}
 */
async function openPeer(server) {
  if (typeof RTCPeerConnection === "undefined") throw new Error("this browser has no WebRTC");
  const peer = new RTCPeerConnection({ iceServers: [] });
  pageTap().peer = peer;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), OPEN_MS);
  try {
    const pipe = peer.createDataChannel("streams", { ordered: true });
    const channel = channelOver(peer, pipe);
    await negotiate(server, peer, late.signal);
    await opening(pipe, channel, late.signal);
    return channel;
  } catch (error) {
    peer.close();
    throw late.signal.aborted ? new Error(`no direct path to the server was found within ${OPEN_MS / 1000} s`) : error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {RTCPeerConnection} peer
 * @param {RTCDataChannel} pipe
 */
function channelOver(peer, pipe) {
  const joiner = new Joiner();
  /** @type {string[]} */
  let pieces = [];
  const channel = new Channel({
    send: (message) => {
      const limit = Math.min(peer.sctp?.maxMessageSize ?? MESSAGE_BYTES, MESSAGE_BYTES);
      const texts = split(JSON.stringify(message), limit);
      tapped("webrtc", "out", message.stream, texts.join(""), texts);
      for (const text of texts) pipe.send(text);
    },
    close: () => peer.close(),
    liveness: LIVENESS,
  });
  pipe.onmessage = ({ data }) => {
    try {
      const message = joiner.take(JSON.parse(data));
      pieces.push(data);
      if (!message) return;
      tapped("webrtc", "in", message.stream, pieces.join(""), pieces);
      pieces = [];
      channel.receive(message);
    } catch {
      channel.close(); // what cannot be read would be a gap: begin anew
    }
  };
  pipe.onclose = () => channel.fail("the data channel was closed");
  peer.onconnectionstatechange = () => {
    if (peer.connectionState === "failed") channel.close();
  };
  return channel;
}

/**
 * @param {Server} server
 * @param {RTCPeerConnection} peer
 * @param {AbortSignal} signal
 */
async function negotiate(server, peer, signal) {
  await peer.setLocalDescription();
  await gathered(peer);
  const { sdp, type } = /** @type {RTCSessionDescription} */ (peer.localDescription);
  const response = await call(server, "tokenwidgets/rtc", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ sdp, type }),
    signal,
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message || `the server answered ${response.status} to the offer`);
  await peer.setRemoteDescription(answer);
}

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
