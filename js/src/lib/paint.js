// When to paint: once a frame; slowly where nobody sees it, in a hidden page or out of sight. And when it was painted.

const HIDDEN_MS = 500;
const UNSEEN_MS = 250;
const NEAR = "200px"; // what may soon be scrolled into sight is drawn as if it were

/** @typedef {(() => void) & {readonly unseen: boolean}} Draw asks for a paint soon; `unseen` while nobody can see it */

/**
 * A function that asks for one call of `paint` soon, however often it is called before that.
 * @param {() => void} paint
 * @param {Element} el what it paints is in
 * @param {AbortSignal} signal
 * @returns {Draw}
 */
export function painter(paint, el, signal) {
  let frame = 0;
  let unseen = false;
  /** @type {any} */
  let timer = null;
  signal.addEventListener("abort", cancel);
  watch(el, signal, (seen) => {
    unseen = !seen;
    if (seen && timer !== null) run();
  });
  return Object.defineProperty(draw, "unseen", { get: () => unseen });

  function draw() {
    if (timer !== null || signal.aborted) return;
    if (!unseen) frame = requestAnimationFrame(run);
    timer = setTimeout(run, unseen ? UNSEEN_MS : HIDDEN_MS);
  }

  function run() {
    cancel();
    paint();
  }

  function cancel() {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    timer = null;
  }
}

/** @param {Element} el @param {AbortSignal} signal @param {(seen: boolean) => void} changed */
function watch(el, signal, changed) {
  const observer = new IntersectionObserver((entries) => changed(entries[entries.length - 1].isIntersecting), { rootMargin: NEAR, scrollMargin: NEAR });
  observer.observe(el);
  signal.addEventListener("abort", () => observer.disconnect());
}

/**
 * Call `before` with the next frame's drawing, and `after` as soon as that frame is painted: a frame's task ends with its painting.
 * @param {() => void} before
 * @param {() => void} after
 */
export function aroundPaint(before, after) {
  requestAnimationFrame(() => {
    before();
    setTimeout(after);
  });
}
