import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { curl } from "../src/inspector/curl.js";
import { VOCABULARIES } from "../src/inspector/explanations.js";
import { filterOf } from "../src/inspector/filter.js";
import { kindOf } from "../src/inspector/kinds.js";
import { PARTS, partsOf } from "../src/inspector/parts.js";
import { pathFacts, sdpFacts } from "../src/inspector/rtc.js";

/** @import { Framing } from "../src/lib/wire.js" */

/** @param {string} text @param {Framing} framing @param {string} [dialect] */
const named = (text, framing, dialect = "openai-chat") => partsOf(text, framing, dialect).map(({ start, end, name }) => [name, text.slice(start, end)]);

/** @param {string} text @param {string} name @param {string} [dialect] */
const what = (text, name, dialect = "openai-chat") => partsOf(text, "sse", dialect).find((part) => part.name === name)?.what;

test("each field of a chunk is named and explained", () => {
  const text = 'data: {"id":"x","choices":[{"index":0,"delta":{"content":" a, \\"b\\" {"},"finish_reason":null}]}\n\n';
  assert.deepEqual(named(text, "sse"), [
    ["data", "data"],
    ["id", '"id":"x"'],
    ["choices", '"choices"'],
    ["choices[].index", '"index":0'],
    ["choices[].delta", '"delta"'],
    ["choices[].delta.content", '"content":" a, \\"b\\" {"'],
    ["choices[].finish_reason", '"finish_reason":null'],
  ]);
  assert.equal(what(text, "choices[].delta.content"), VOCABULARIES["openai-chat"].fields["delta.content"]);
});

test("a value may have a meaning of its own", () => {
  const text = 'event: response.created\ndata: {"type":"response.created"}\n\n';
  assert.equal(what(text, "type", "openai-responses"), VOCABULARIES["openai-responses"].fields["type=response.created"]);
  assert.equal(what('data: {"type":"response.invented"}\n\n', "type", "openai-responses"), VOCABULARIES["openai-responses"].fields.type);
});

test("lines of server-sent events: comments, ids, the end marker", () => {
  assert.deepEqual(named(": alive\n\nid: 7\ndata: [DONE]\n\n", "sse"), [
    ["comment", ": alive"],
    ["id", "id: 7"],
    ["data", "data"],
    ["[DONE]", "[DONE]"],
  ]);
  assert.deepEqual(named(": sent 120\n\n", "sse").map(([name]) => name), ["sent"]);
});

test("a request has its line, its headers and its body", () => {
  const text = 'POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\n\r\n{"model":"m"}';
  assert.deepEqual(named(text, "request", "anthropic-messages"), [
    ["method", "POST"],
    ["target", "/v1/messages"],
    ["version", "HTTP/1.1"],
    ["host", "host: api.anthropic.com"],
    ["model", '"model":"m"'],
  ]);
});

test("what is cut off, or no JSON at all, is taken as far as it goes; parts are in order and never overlap", () => {
  const text = 'data: {"choices":[{"delta":{"content":"a"},"x":[1,{"y":"é"}]}]}\n\n';
  for (let end = 0; end <= text.length; end++) {
    let before = 0;
    for (const part of partsOf(text.slice(0, end), "sse", "openai-chat")) {
      assert.ok(before <= part.start && part.start < part.end && part.end <= end);
      before = part.end;
    }
  }
  assert.deepEqual(named("][}{,,:", "messages"), []);
  const long = JSON.stringify(Object.fromEntries(Array.from({ length: 2 * PARTS }, (_, i) => [`k${i}`, i])));
  assert.equal(partsOf(long, "messages", "gemini").length, PARTS);
});

test("names that every object has explain nothing", () => {
  const [part] = partsOf('{"constructor":1}', "messages", "gemini");
  assert.equal(part.what, "");
});

test("a filter's words must all hold", () => {
  const row = { text: "data: Hello\n", kind: "text, usage", dir: "in", size: 1500 };
  const passes = (/** @type {string} */ query) => filterOf(query).test(row);
  for (const query of ["", "hello", "dir:in hello", ">1k", "<1.6kb", "kind:usage", '"data: H"', "dir:in >1k kind:text"]) assert.ok(passes(query), query);
  for (const query of ["bye", "dir:out", "<1k", "kind:done", "hello >2k"]) assert.ok(!passes(query), query);
});

test("a filter that cannot be understood says what is wrong", () => {
  assert.match(filterOf("dir:up").error, /dir:up.*in or out/);
  assert.match(filterOf(">many").error, />many.*>1k/);
  assert.match(filterOf("kind:").error, /kind:usage/);
  assert.equal(filterOf("a dir:in").error, "");
});

test("a message's kind", () => {
  const kinds = {
    "": "comment",
    "[DONE]": "done",
    '{"choices":[{"delta":{"role":"assistant","content":""}}]}': "role",
    '{"choices":[{"delta":{"content":"a"}}]}': "text",
    '{"choices":[{"delta":{"reasoning_content":"a"}}]}': "reasoning",
    '{"choices":[{"delta":{},"finish_reason":"stop"}]}': "finish",
    '{"choices":[],"usage":{}}': "usage",
    '{"type":"response.output_text.delta"}': "output_text.delta",
    '{"candidates":[{"content":{"parts":[{"text":"a","thought":true}]}}]}': "reasoning",
    '{"error":{}}': "error",
    '{"stream":"s","events":[{"type":"text"},{"type":"text"},{"type":"end"}]}': "text, end",
    '{"op":"attach"}': "attach",
    '{"a': "part",
  };
  for (const [data, kind] of Object.entries(kinds)) assert.equal(kindOf(data), kind, data);
});

test("the command sends what was sent, whatever is in it, and names the key's variable", () => {
  const body = JSON.stringify({ messages: [{ content: "it's $HOME `id` \\ \n \"q\" !" }] });
  const command = curl(`POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\n\r\n${body}`, "openai-chat", "OPENAI_API_KEY");
  const shell = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  const words = spawnSync("sh", ["-c", shell], { env: { OPENAI_API_KEY: "the key" }, encoding: "utf8" }).stdout.split("\0");
  assert.deepEqual(words, ["-N", "https://api.openai.com/v1/chat/completions", "-H", "Authorization: Bearer the key", "-H", "Content-Type: application/json", "--data-raw", body, ""]);
});

test("hosts have their own header for the key; without a variable there is none; without HTTP no command", () => {
  const request = "POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n\r\n{}";
  assert.match(curl(request, "anthropic-messages", "ANTHROPIC_API_KEY"), /x-api-key: \$ANTHROPIC_API_KEY/);
  assert.match(curl(request, "gemini", "GEMINI_API_KEY"), /x-goog-api-key: \$GEMINI_API_KEY/);
  assert.doesNotMatch(curl(request, "openai-chat", ""), /Authorization/);
  assert.match(curl(request, "openai-chat", ""), /'http:\/\/127\.0\.0\.1:8080\/v1\/messages'/);
  assert.equal(curl('{"type":"response.create"}', "openai-responses", "OPENAI_API_KEY"), "");
});

const SDP = `v=0\r
a=ice-options:trickle\r
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r
a=candidate:1 1 udp 2113937151 3f1a.local 50000 typ host generation 0\r
a=candidate:2 1 udp 2113939711 fd00::1 50001 typ host\r
a=candidate:3 1 tcp 1518280447 10.0.0.7 9 typ host tcptype active\r
a=setup:actpass\r
a=sctp-port:5000\r
a=max-message-size:262144\r
`;

test("a description in words has no address", () => {
  const facts = new Map(sdpFacts(SDP));
  assert.match(facts.get("Candidates") ?? "", /1 × host \(of this machine\), UDP, name hidden by mDNS; 1 × .*UDP, IPv6; 1 × .*TCP, IPv4/);
  assert.equal(facts.get("DTLS role"), "actpass: either side may begin");
  assert.equal(facts.get("SCTP port"), "5000");
  assert.equal(facts.get("Largest message"), "262,144 bytes");
  for (const secret of ["10.0.0.7", "fd00", "3f1a", "50000"]) assert.doesNotMatch(JSON.stringify([...facts]), new RegExp(secret));
});

test("the path in use", () => {
  const reports = [
    { id: "T", type: "transport", selectedCandidatePairId: "P", dtlsCipher: "TLS_AES" },
    { id: "P", type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R", currentRoundTripTime: 0.0124 },
    { id: "L", type: "local-candidate", candidateType: "host", protocol: "udp", address: "10.0.0.7" },
    { id: "R", type: "remote-candidate", candidateType: "prflx" },
  ];
  const channel = { id: "D", type: "data-channel", label: "tokens", messagesReceived: 9, messagesSent: 8 };
  assert.deepEqual(pathFacts(reports), [["Path", "host to prflx, UDP"], ["Round trip", "12.4 ms"], ["Cipher", "TLS_AES"]]);
  assert.deepEqual(pathFacts([...reports, channel]).at(-1), ["Data channels", "tokens: 9 messages in, 8 out"]);
  assert.deepEqual(pathFacts([]), [["Path", "none yet"]]);
});
