// When to paint: once a frame; and slowly in a hidden page, where frames do not come. And when it was painted.

const HIDDEN_MS = 500;

/**
 * A function that asks for one call of `paint` soon, however often it is called before that.
 * @param {() => void} paint
 * @param {AbortSignal} signal
 */
export function painter(paint, signal) {
  let frame = 0;
  /** @type {any} */
  let timer = null;
  signal.addEventListener("abort", cancel);
  return () => {
    if (timer !== null || signal.aborted) return;
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, HIDDEN_MS);
  };

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
