// The client of the network lab in a page: one lane, read by the transports of the page itself.
import { Follower } from "../js/src/lib/follow.js";
import { transportsOf } from "../js/src/lib/session.js";

const TELL_MS = 50;

document.body.dataset.baseUrl = "/"; // as the pages of Jupyter's applications say it

const nowhere = /** @type {any} */ ({ get: () => null, set() {}, on() {}, off() {}, send() {}, save_changes() {} });

/** The lab is told of a peer's ports before the server is. */
const { fetch } = window;
window.fetch = async (url, init) => {
  if (String(url).endsWith("tokenwidgets/rtc") && init?.body) {
    const { sdp } = JSON.parse(String(init.body));
    const found = [...sdp.matchAll(/^a=candidate:\S+ \d+ udp \d+ \S+ (\d+) /gim)];
    await window.__told({ peer: found.map(([, port]) => Number(port)) });
  }
  return fetch(url, init);
};

/** Read a stream, and tell of each event when it came, ms of the page's clock. */
window.__read = (lane, stream) => {
  /** @type {[number, string, number][]} */
  let news = [];
  const tell = () => {
    const seen = news;
    news = [];
    if (seen.length) window.__told({ seen });
  };
  const timer = setInterval(tell, TELL_MS);
  const follower = new Follower({
    stream,
    transport: transportsOf(nowhere)[lane],
    onEvents: (events) => {
      const at = performance.now();
      for (const { seq, type } of events) news.push([seq, type, at]);
    },
    onStatus: (status, reason) => console.info(status, reason),
  });
  follower.start().then(() => {
    clearInterval(timer);
    tell();
    window.__told({ ended: performance.now(), status: follower.status });
  });
};
