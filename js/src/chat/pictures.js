// Pictures beside a question: checked, made small to be looked at, and sent to the kernel in pieces.

/** @import { Ask } from "../lib/ask.js" */
/** @import { Sent } from "./talk.js" */

export const PICTURES = 8; // beside one question; these limits are the kernel's own
export const PICTURE_BYTES = 8 * 2 ** 20;
const PIECE_BYTES = 384 * 1024; // in base64 half a mebibyte: a message of it passes everywhere
const PREVIEW_PIXELS = 320;
const PREVIEW_CHARACTERS = 65_536;

const KINDS = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** Why a file cannot be a picture of a question, or an empty text. @param {Pick<File, "name" | "type" | "size">} file @param {number} before pictures there already */
export function objection({ name, type, size }, before) {
  if (!KINDS.has(type)) return `${name} is not PNG, JPEG, GIF or WebP.`;
  if (size > PICTURE_BYTES) return `${name} has ${(size / 2 ** 20).toFixed(1)} MiB, and ${PICTURE_BYTES / 2 ** 20} are allowed: make it smaller.`;
  if (before >= PICTURES) return `A question takes at most ${PICTURES} pictures.`;
  return "";
}

/** A name for a picture that no other has, of any page. */
const made = () => Math.random().toString(36).slice(2) + Date.now().toString(36);

/**
 * Send a picture to the kernel, whole.
 * @param {File} file
 * @param {Ask} ask
 * @returns {Promise<Sent>}
 */
export async function send(file, ask) {
  const id = made();
  const bytes = new Uint8Array(await file.arrayBuffer());
  for (const data of pieces(bytes)) await ask("picture", { id, data });
  return { id, name: file.name, url: await preview(file) };
}

/** @param {Uint8Array} bytes @param {number} [size] of a piece, a multiple of three */
export function* pieces(bytes, size = PIECE_BYTES) {
  for (let from = 0; from < bytes.length; from += size) yield base64(bytes.subarray(from, from + size));
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  let text = "";
  for (let from = 0; from < bytes.length; from += 8192) text += String.fromCharCode(...bytes.subarray(from, from + 8192));
  return btoa(text);
}

/** A small copy as a data URL; empty where the browser cannot read the picture. @param {File} file */
async function preview(file) {
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(1, PREVIEW_PIXELS / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(image.width * scale));
    canvas.height = Math.max(1, Math.round(image.height * scale));
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const url = canvas.toDataURL("image/webp", 0.8);
    return url.length <= PREVIEW_CHARACTERS ? url : "";
  } catch {
    return "";
  }
}
