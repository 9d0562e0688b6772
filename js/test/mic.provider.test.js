import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Way } from "../src/mic/way.js";
import { settled } from "./tools.js";

// The sound between page and provider: what the page asks whom, and what it tells the session.

/** @type {any} */
let world;

class Peer {
  iceGatheringState = "complete";
  connectionState = "connected";
  localDescription = { sdp: "an offer" };
  sender = { track: null, replaceTrack: async (/** @type {any} */ track) => void (this.sender.track = track) };
  channels = /** @type {string[]} */ ([]);
  constructor() {
    world.peers.push(this);
  }
  addTransceiver = () => ({ sender: this.sender });
  createDataChannel = (/** @type {string} */ label) => this.channels.push(label);
  setLocalDescription = async () => {};
  setRemoteDescription = async (/** @type {any} */ answer) => void (world.answer = answer);
  addEventListener = () => {};
  close = () => void (this.connectionState = "closed");
}

const scope = /** @type {any} */ (globalThis);
const { fetch } = globalThis;

beforeEach(() => {
  world = { peers: [], clones: [], posted: [], inputs: [], began: [], call: () => Response.json({ url: "https://host/v1/realtime/calls", value: "ek_1" }) };
  world.provider = () => new Response("an answer", { status: 201, headers: { Location: "/v1/realtime/calls/rtc_1" } });
  scope.document = { getElementById: () => null, body: { dataset: { baseUrl: "/" } }, cookie: "", createElement: () => ({ play: async () => {} }) };
  scope.RTCPeerConnection = Peer;
  scope.fetch = async (/** @type {string} */ url, /** @type {any} */ init) => {
    world.posted.push([url, new Headers(init.headers).get("Authorization"), init.body, init.credentials]);
    return url.startsWith("/") ? world.call() : world.provider();
  };
});

afterEach(() => {
  delete scope.document;
  delete scope.RTCPeerConnection;
  scope.fetch = fetch;
});

/** A way that is being opened to the provider. */
function opening() {
  const audio = /** @type {any} */ ({ AudioContext: class {} });
  const way = new Way(audio, (block, at) => world.began.push([block, at]), () => {});
  const session = /** @type {any} */ ({ stream: "s1", give: async (/** @type {any} */ input) => void world.inputs.push(input) });
  return { way, opened: way.open("provider", session, microphone("desk")) };
}

/** @param {string} label */
function microphone(label) {
  const clone = () => {
    const copy = { label, enabled: true, readyState: "live", stop: () => (copy.readyState = "ended") };
    world.clones.push(copy);
    return copy;
  };
  return /** @type {any} */ ({ stream: { getAudioTracks: () => [{ clone }] } });
}

/** @param {Way} way @param {object} data */
const tell = (way, data) => way.take(/** @type {any} */ ({ type: "notice", kind: "session", data }));

test("a secret of the session's begins the call, and sound goes there once the session hears of it", async () => {
  const { way, opened } = opening();
  await settled();
  assert.deepEqual(world.posted, [
    ["/tokenwidgets/streams/s1/call", null, "{}", "same-origin"],
    ["https://host/v1/realtime/calls", "Bearer ek_1", "an offer", "omit"],
  ]);
  assert.deepEqual(world.answer, { type: "answer", sdp: "an answer" });
  assert.deepEqual(world.inputs, [{ type: "join", call: "rtc_1" }]);
  const [peer] = world.peers;
  assert.deepEqual(peer.channels, ["oai-events"]);
  assert.equal(peer.sender.track, null);
  tell(way, { model: "m" });
  tell(way, { call: "rtc_other", renewed: "?" });
  await settled();
  assert.equal(way.carries, false);
  tell(way, { call: "rtc_1", renewed: "…" });
  await opened;
  assert.ok(peer.sender.track);
  assert.deepEqual(way.path, { name: "provider", why: "as asked" });
});

test("when the session has left the call, samples take over", async () => {
  const { way, opened } = opening();
  await settled();
  tell(way, { call: "rtc_1", renewed: "…" });
  await opened;
  tell(way, { renewed: "It has ended." });
  assert.equal(way.carries, false);
  assert.equal(world.peers[0].connectionState, "closed");
  assert.deepEqual(way.path, { name: "worklet", why: "in place of the provider's own WebRTC: It has ended" });
  assert.deepEqual(world.inputs.at(-1), { type: "join" });
});

test("why there is no call is said, and samples are sent", async () => {
  const offline = () => {
    throw new TypeError("Failed to fetch");
  };
  const refused = () => Response.json({ message: "sim makes no secrets for pages." }, { status: 400 });
  for (const [call, provider, why] of /** @type {[any, any, RegExp][]} */ ([
    [refused, world.provider, /: sim makes no secrets for pages$/],
    [world.call, offline, /: the provider cannot be reached from this page$/],
    [world.call, () => new Response("", { status: 403 }), /: the provider answered 403 to the offer$/],
    [world.call, () => new Response("", { status: 201 }), /: the provider did not name the call$/],
  ])) {
    world.inputs = [];
    Object.assign(world, { call, provider });
    const { way, opened } = opening();
    await opened;
    assert.match(way.path.why, why);
    assert.equal(way.path.name, "worklet");
    assert.equal(way.carries, false);
    assert.deepEqual(world.inputs, [], "the session is where it was");
  }
});

test("a session that cannot listen to the call is spoken to itself", async () => {
  const { way, opened } = opening();
  await settled();
  tell(way, { renewed: "The provider's call cannot be listened to: the host answered 404." });
  await opened;
  assert.match(way.path.why, /the host answered 404$/);
  assert.deepEqual(world.inputs.at(-1), { type: "join" });
});

test("an end while it opens gives the microphone back at once, and ends the opening", async () => {
  world.provider = () => new Promise(() => {});
  const { way, opened } = opening();
  await settled();
  const [clone] = world.clones;
  assert.equal(clone.readyState, "live");
  way.close();
  assert.equal(clone.readyState, "ended");
  assert.equal(world.peers[0].connectionState, "closed");
  await opened;
  assert.equal(way.carries, false);
  assert.deepEqual(way.path, { name: "worklet", why: "chosen automatically" }, "nothing fell back: nobody wants it");
});

test("an opening that was closed does not take the place of the next one", async () => {
  const { way, opened } = opening();
  await settled();
  way.close();
  const session = /** @type {any} */ ({ stream: "s2", give: async () => {} });
  const again = way.open("provider", session, microphone("desk"));
  await opened;
  await settled();
  assert.deepEqual(world.clones.map((/** @type {any} */ { readyState }) => readyState), ["ended", "live"]);
  assert.equal(way.carries, false);
  tell(way, { call: "rtc_1", renewed: "…" });
  await again;
  assert.equal(way.carries, true);
  assert.equal(world.peers[1].sender.track, world.clones[1]);
});

test("a microphone chosen while it opens is the one that is sent, and the old one is given back at once", async () => {
  const { way, opened } = opening();
  await settled();
  await way.replace(microphone("headset"));
  assert.deepEqual(world.clones.map((/** @type {any} */ { label, readyState }) => [label, readyState]), [["desk", "ended"], ["headset", "live"]]);
  assert.equal(world.peers[0].sender.track, null, "nothing is sent before the session hears of the call");
  tell(way, { call: "rtc_1", renewed: "…" });
  await opened;
  assert.equal(world.peers[0].sender.track.label, "headset");
  await way.replace(microphone("desk"));
  assert.equal(world.peers[0].sender.track, world.clones[2]);
});

test("a peer connection that fails while it opens is given up at once", async () => {
  const { way, opened } = opening();
  await settled();
  Object.assign(world.peers[0], { connectionState: "failed" }).onconnectionstatechange();
  await opened;
  assert.match(way.path.why, /: the peer connection failed$/);
  assert.equal(world.clones[0].readyState, "ended");
});
