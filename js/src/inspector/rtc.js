// A WebRTC connection in words: what was offered and agreed, and the way that was found. No address beyond its kind.

/** @typedef {[name: string, words: string]} Fact */

/** @param {string} sdp @param {RegExp} pattern */
const first = (sdp, pattern) => pattern.exec(sdp)?.[1] ?? "";

/** @type {Record<string, string>} */
const SETUPS = { actpass: "either side may begin", active: "begins the handshake", passive: "waits for the handshake" };

/** @type {Record<string, string>} */
const TYPES = { host: "of this machine", srflx: "as seen by a STUN server", prflx: "as seen by the other side", relay: "of a relay" };

/**
 * What an offer or answer says, RFC 8866.
 * @param {string} sdp
 * @returns {Fact[]}
 */
export function sdpFacts(sdp) {
  const setup = first(sdp, /^a=setup:(\w+)/m);
  return [
    ["Candidates", candidateWords(sdp)],
    ["DTLS role", setup && `${setup}: ${SETUPS[setup] ?? "unknown"}`],
    ["SCTP port", first(sdp, /^a=sctp-port:(\d+)/m)],
    ["Largest message", first(sdp, /^a=max-message-size:(\d+)/m) && `${Number(first(sdp, /^a=max-message-size:(\d+)/m)).toLocaleString("en")} bytes`],
    ["ICE", /^a=ice-options:.*trickle/m.test(sdp) ? "trickle" : "all candidates at once"],
  ].filter(/** @returns {fact is Fact} */ (fact) => Boolean(fact[1]));
}

/** @param {string} sdp */
function candidateWords(sdp) {
  /** @type {Map<string, number>} */
  const kinds = new Map();
  for (const [, protocol, address, type] of sdp.matchAll(/^a=candidate:\S+ \d+ (\S+) \d+ (\S+) \d+ typ (\S+)/gm)) {
    const family = address.endsWith(".local") ? "name hidden by mDNS" : address.includes(":") ? "IPv6" : "IPv4";
    const kind = `${type} (${TYPES[type] ?? "unknown"}), ${protocol.toUpperCase()}, ${family}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, count]) => `${count} × ${kind}`).join("; ") || "none";
}

/** @param {any[]} reports */
function channelWords(reports) {
  const channels = reports.filter(({ type }) => type === "data-channel");
  return channels.map(({ label, messagesReceived, messagesSent }) => `${label}: ${messagesReceived} messages in, ${messagesSent} out`).join("; ");
}

/**
 * The way in use, of `getStats()`.
 * @param {Iterable<any>} reports
 * @returns {Fact[]}
 */
export function pathFacts(reports) {
  const byId = new Map([...reports].map((report) => [report.id, report]));
  const transport = [...byId.values()].find(({ type }) => type === "transport");
  const pair = byId.get(transport?.selectedCandidatePairId);
  if (!pair) return [["Path", "none yet"]];
  const [local, remote] = [byId.get(pair.localCandidateId), byId.get(pair.remoteCandidateId)];
  const rtt = pair.currentRoundTripTime;
  return [
    ["Path", `${local?.candidateType ?? "?"} to ${remote?.candidateType ?? "?"}, ${(local?.protocol ?? "?").toUpperCase()}`],
    ["Round trip", rtt === undefined ? "not measured yet" : `${(rtt * 1000).toFixed(1)} ms`],
    ["Cipher", transport.dtlsCipher ?? ""],
    ["Data channels", channelWords([...byId.values()])],
  ].filter(/** @returns {fact is Fact} */ (fact) => Boolean(fact[1]));
}
