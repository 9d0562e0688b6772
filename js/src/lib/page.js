// What the kernel cannot know by itself: where its widgets are shown, and what can be reached from there.

import { config, findServer } from "./server.js";

/** @typedef {{host: string, server: boolean, webrtc: boolean}} PageFacts */

/**
 * @param {Window & typeof globalThis} view
 * @returns {PageFacts}
 */
export function factsOf(view = window) {
  return { host: hostOf(view), server: findServer(view.document) !== null, webrtc: "RTCPeerConnection" in view };
}

/** @param {Window & typeof globalThis} view */
function hostOf({ document, location, customElements }) {
  const { appName } = config(document);
  if (typeof appName === "string") return appName;
  if (document.body?.dataset.vscodeThemeKind) return "VS Code";
  if (customElements.get("marimo-anywidget")) return "marimo";
  return /(^|[.-])colab\.(research\.google|googleusercontent)\.com$/.test(location.hostname) ? "Colab" : "";
}
