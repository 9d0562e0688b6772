// The provider's call as a command for a terminal, from the frame that was sent. The key is a variable's name, never a key.

/** @type {Record<string, (variable: string) => string[]>} */
const KEY_HEADERS = {
  "anthropic-messages": (variable) => [`x-api-key: $${variable}`, "anthropic-version: 2023-06-01"],
  gemini: (variable) => [`x-goog-api-key: $${variable}`],
};

/** @param {string} variable */
const bearer = (variable) => [`Authorization: Bearer $${variable}`];

/**
 * @param {string} request the frame's text
 * @param {string} dialect
 * @param {string} variable of the environment that holds the key; empty where none is needed
 * @returns {string} empty where no other program could make the call: the host answers inside tokenwidgets, or speaks over a WebSocket
 */
export function curl(request, dialect, variable) {
  const [, target, host] = /^POST (\S+) HTTP\/1\.1\r\nhost: (\S+)\r\n/.exec(request) ?? [];
  if (!target) return "";
  const body = request.slice(request.indexOf("\r\n\r\n") + 4);
  const scheme = /^(localhost|127\.|\[::1\])/.test(host) ? "http" : "https";
  const headers = variable ? (KEY_HEADERS[dialect] ?? bearer)(variable) : [];
  const options = [...headers.map((header) => `-H "${header}"`), "-H 'Content-Type: application/json'", `--data-raw ${quoted(body)}`];
  return `curl -N ${quoted(`${scheme}://${host}${target}`)} \\\n  ${options.join(" \\\n  ")}\n`;
}

/** A word of the shell in which nothing has a meaning. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
