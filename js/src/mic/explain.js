// Why there is no microphone, in words, with the way out.

import { factsOf } from "../lib/page.js";
import { reasonOf } from "../lib/transport.js";

/**
 * @typedef {object} Problem
 * @property {string} title
 * @property {string} words
 * @property {Link} [link] opens what would work
 * @property {boolean} [companion] whether a page of its own would have the microphone that this one has not
 */
/** @typedef {{words: string, address: string}} Link */
/**
 * What the page knows of itself.
 * @typedef {object} Surroundings
 * @property {boolean} secure
 * @property {boolean} allowed whether the page's policy lets it use a microphone
 * @property {string} host as `factsOf` names it
 * @property {URL} address
 */

/** @param {Window & typeof globalThis} view @returns {Surroundings} */
export function surroundings(view = window) {
  const { document, isSecureContext, location } = view;
  const policy = /** @type {any} */ (document).permissionsPolicy ?? /** @type {any} */ (document).featurePolicy;
  return {
    secure: isSecureContext,
    allowed: policy?.allowsFeature?.("microphone") ?? true,
    host: factsOf(view).host,
    address: new URL(location.href),
  };
}

/** @param {unknown} error what `getUserMedia` and its like gave @param {Surroundings} [where] @returns {Problem} */
export function explain(error, where = surroundings()) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (where.host === "VS Code") return VS_CODE;
  if (!where.secure || name === "SecurityError") return insecure(where);
  if (!where.allowed) return where.host === "Colab" ? COLAB : POLICY;
  return PROBLEMS[name] ?? { title: "The microphone could not be opened", words: `${reasonOf(error)}. Try again, or give a file of sound instead.` };
}

const VS_CODE = {
  title: "No microphone in VS Code",
  words: "VS Code gives no microphone to notebooks. Talk in a companion page in your browser, or give a file of sound instead.",
  companion: true,
};
const COLAB = {
  title: "No microphone in this output",
  words: "Colab shows outputs in a frame that may not use the microphone. Run the notebook in your own JupyterLab, or give a file of sound instead.",
  companion: true,
};
const POLICY = {
  title: "Not allowed by the page's policy",
  words: "The server of this page, or the frame it stands in, forbids the microphone (Permissions-Policy). Talk in a companion page in a tab of its own, ask who runs the server to allow microphone=(self), or give a file of sound instead.",
  companion: true,
};

/** By the name of the browser's error. @type {Record<string, Problem>} */
const PROBLEMS = {
  NotAllowedError: {
    title: "Denied",
    words: "This page may not use the microphone. Allow it by the sign beside the address, or in the system's privacy settings, and try again.",
  },
  NotFoundError: { title: "No microphone found", words: "Connect one and try again, or give a file of sound instead." },
  NotReadableError: {
    title: "The microphone is in use",
    words: "Another program holds it, or the system does not give it out. Close that program and try again.",
  },
  OverconstrainedError: { title: "That microphone is gone", words: "The one chosen before is not there any more. Choose another and try again." },
  EncodingError: { title: "That file is no sound", words: "The browser cannot read it: give a WAV, FLAC, MP3 or Ogg file." },
  AbortError: { title: "The microphone did not start", words: "The system stopped it. Connect it anew and try again." },
};

/** Browsers give a microphone to https and to localhost only. @param {Surroundings} where @returns {Problem} */
function insecure({ address }) {
  const { hostname } = address;
  const local = onLocalhost(address);
  const number = local.port || "80";
  return {
    title: "This address is not secure",
    words:
      "Browsers give a microphone only to https and to localhost. Serve Jupyter over https; or run " +
      `ssh -L ${number}:localhost:${number} ${hostname} on your own machine and open the notebook, or a companion page, on localhost; or give a file of sound instead.`,
    link: { words: "Open on localhost", address: local.href },
    companion: true,
  };
}

/** The same address through a tunnel to its port. @param {URL} address */
export function onLocalhost(address) {
  const local = new URL(address);
  local.port = address.port || (address.protocol === "https:" ? "443" : "80");
  local.protocol = "http:";
  local.hostname = "localhost";
  return local;
}
