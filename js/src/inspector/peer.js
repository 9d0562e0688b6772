// The page's WebRTC connection, in words; the descriptions themselves only when they are asked for.

import { h } from "../lib/dom.js";
import { clean } from "../lib/markdown/text.js";
import { pathFacts, sdpFacts } from "./rtc.js";

/** @import { Fact } from "./rtc.js" */

/** @param {RTCPeerConnection} peer @returns {Promise<HTMLElement>} */
export async function peerCard(peer) {
  const path = peer.connectionState === "closed" ? [] : pathFacts([...(await peer.getStats()).values()]);
  const [offer, answer] = [peer.localDescription?.sdp ?? "", peer.remoteDescription?.sdp ?? ""];
  return h(
    "details",
    "tw-peer",
    h("summary", "", `Peer connection, ${peer.connectionState}`),
    facts([...path, ["ICE", `${peer.iceConnectionState}, gathering ${peer.iceGatheringState}`]]),
    h("div", "tw-label", "Offer, ours"),
    facts(sdpFacts(offer)),
    h("div", "tw-label", "Answer, the server's"),
    facts(sdpFacts(answer)),
    whole(offer, answer),
  );
}

/** @param {Fact[]} list */
const facts = (list) => h("dl", "tw-facts", ...list.flatMap(([name, words]) => [h("dt", "", name), h("dd", "", words)]));

/** @param {...string} descriptions */
function whole(...descriptions) {
  const text = h("pre", "tw-code");
  const details = h("details", "", h("summary", "", "SDP as it is, with addresses"), text);
  details.addEventListener("toggle", () => (text.textContent = details.open ? clean(descriptions.join("\n")) : ""));
  return details;
}
