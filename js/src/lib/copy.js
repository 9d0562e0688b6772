// Text to the clipboard, also where the page may not use its interface: over plain HTTP, or in a frame.

/** @param {string} text @returns {Promise<boolean>} whether it is there */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

/** The way that asks for no permission. @param {string} text */
function copySelected(text) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const field = document.createElement("textarea");
  field.value = text;
  field.style.cssText = "position: fixed; opacity: 0";
  document.body.append(field);
  field.focus();
  field.select();
  const copied = document.execCommand?.("copy") ?? false;
  field.remove();
  before?.focus();
  return copied;
}
