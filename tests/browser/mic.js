// Before the page's own scripts: what microphones gave, what was played, and what was said to the server.
(() => {
  window.__tracks = [];
  window.__pieces = [];
  window.__states = [];
  window.__sound = []; // of the loudspeaker, at 24 kHz
  window.__pcm = () => {
    const loud = (piece) => piece.some((sample) => Math.abs(sample) > 0.02);
    const [first, last] = [window.__sound.findIndex(loud), window.__sound.findLastIndex(loud)];
    const heard = window.__sound.slice(Math.max(0, first - 1), last + 2); // without the silence around it
    const bytes = new Uint8Array(Int16Array.from(heard.flatMap((piece) => [...piece]), (sample) => sample * 32767).buffer);
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  };
  const hear = (track) => {
    const context = new AudioContext({ sampleRate: 24000 });
    const tap = context.createScriptProcessor(4096, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) => window.__sound.push(inputBuffer.getChannelData(0).slice());
    context.createMediaStreamSource(new MediaStream([track])).connect(tap).connect(context.destination);
  };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      this.addEventListener("track", ({ track }) => hear(track));
    }
  };
  const { mediaDevices } = navigator;
  const open = mediaDevices?.getUserMedia.bind(mediaDevices);
  if (open) {
    mediaDevices.getUserMedia = async (constraints) => {
      const stream = await open(constraints);
      window.__tracks.push(...stream.getTracks());
      return stream;
    };
  }
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (when = 0, ...rest) {
    const samples = this.buffer.getChannelData(0);
    const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    if (this.context.sampleRate === 24000) {
      window.__pieces.push({ at: when, seconds: samples.length / this.buffer.sampleRate, loudest });
      window.__sound.push(samples.slice());
    }
    return start.call(this, when, ...rest);
  };
  const stop = AudioBufferSourceNode.prototype.stop;
  window.__stopped = 0;
  AudioBufferSourceNode.prototype.stop = function (...rest) {
    window.__stopped += 1;
    return stop.apply(this, rest);
  };
  window.__inputs = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (typeof data === "string" && data.startsWith('{"op":"input"')) window.__inputs.push(JSON.parse(data).input);
    return send.call(this, data);
  };
  new MutationObserver((records) => {
    for (const { target } of records) {
      const { state } = target.dataset;
      if (target.matches(".tw-mic") && state !== window.__states.at(-1)) window.__states.push(state);
    }
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state"] });
})();
