// Before the page's own scripts: what comes over each transport is kept in `__came`, and `__cut()` breaks the connections that are open.
(() => {
  const ours = (url) => String(url).includes("/tokenwidgets/");
  const open = new Set();
  const decoder = () => new TextDecoder();
  window.__came = { ws: [], sse: [], webrtc: [] };
  window.__cut = () => {
    const cut = [...open];
    open.clear();
    for (const breakIt of cut) breakIt();
    return cut.length;
  };

  window.WebSocket = class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      if (!ours(url)) return;
      open.add(() => this.close());
      this.addEventListener("message", ({ data }) => window.__came.ws.push(data));
    }
  };

  const plain = window.fetch;
  window.fetch = async (url, init = {}) => {
    if (!/\/tokenwidgets\/streams\/.*\/events/.test(url.url ?? url)) return plain(url, init);
    const breaking = new AbortController();
    open.add(() => breaking.abort(new TypeError("network error")));
    const response = await plain(url, { ...init, signal: AbortSignal.any([init.signal, breaking.signal]) });
    const seen = decoder();
    const watch = new TransformStream({
      transform(bytes, controller) {
        window.__came.sse.push(seen.decode(bytes, { stream: true }));
        controller.enqueue(bytes);
      },
    });
    return new Response(response.body?.pipeThrough(watch), response);
  };

  const peers = new WeakSet();
  const create = window.RTCPeerConnection?.prototype.createDataChannel;
  if (!create) return;
  RTCPeerConnection.prototype.createDataChannel = function (...args) {
    const pipe = create.apply(this, args);
    if (!peers.has(this)) open.add(() => this.close());
    peers.add(this);
    pipe.addEventListener("message", ({ data }) => window.__came.webrtc.push(data));
    return pipe;
  };
})();
