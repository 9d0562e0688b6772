// Before the page's own scripts: what the microphone gives and what the loudspeaker gets, looked at from outside of the widget.
(() => {
  const LOUD = 0.02;
  const LOOK_MS = 4;
  const seen = (window.__voice = { heard: [], said: [], answers: [] });
  const { AudioContext } = window;
  const connect = AudioNode.prototype.connect;
  let context;
  const own = () => (context ??= new AudioContext({ sampleRate: 48000 }));

  /** Note each stretch of sound as [first, last], in ms of the page's clock; a silence of 600 ms ends one. */
  function watch(analyser, stretches) {
    const window = new Float32Array(256);
    analyser.fftSize = 256;
    setInterval(() => {
      analyser.getFloatTimeDomainData(window);
      if (!window.some((sample) => Math.abs(sample) > LOUD)) return;
      const now = performance.now();
      const last = stretches.at(-1);
      if (last && now - last[1] < 600) last[1] = now;
      else stretches.push([now, now]);
    }, LOOK_MS);
  }

  /** Keep what is said, to be written down again: by the one way of sound and the other apart. */
  function record(context, source) {
    const tap = context.createScriptProcessor(4096, 1, 1);
    const kept = { rate: context.sampleRate, samples: [] };
    seen.answers.push(kept);
    tap.onaudioprocess = ({ inputBuffer }) => kept.samples.push(...inputBuffer.getChannelData(0));
    connect.call(source, tap);
    connect.call(tap, context.destination);
  }

  function listen(context, source) {
    const analyser = context.createAnalyser();
    connect.call(source, analyser);
    watch(analyser, seen.said);
    record(context, source);
  }

  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (constraints) => {
    const stream = await open(constraints);
    if (!seen.listening) {
      seen.listening = true;
      const analyser = own().createAnalyser();
      connect.call(own().createMediaStreamSource(stream.clone()), analyser);
      watch(analyser, seen.heard);
    }
    return stream;
  };
  // A script node goes to the destination too, and says nothing there.
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode && this.context !== context && !this.__tapped && this instanceof GainNode) {
      this.__tapped = true;
      listen(this.context, this);
    }
    return connect.call(this, target, ...rest);
  };
  const source = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    get: source.get,
    set(stream) {
      source.set.call(this, stream);
      if (stream?.getAudioTracks().length && !seen.track) {
        seen.track = true;
        listen(own(), own().createMediaStreamSource(stream));
      }
    },
  });
})();
