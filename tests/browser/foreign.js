// A host of widgets that is none of Jupyter's: a page of a foreign origin, which hears its kernel by the messages of its parent only. Each
// model's module is evaluated on its own, from a Blob URL.
const models = new Map();
const tell = (message) => parent.postMessage(message, "*");

class Model {
  #id;
  #state;
  #changed = {};
  #listeners = new Map();

  constructor(id, state) {
    this.#id = id;
    this.#state = state;
  }

  get(name) {
    return this.#state[name];
  }

  set(name, value) {
    this.#state[name] = value;
    this.#changed[name] = value;
    this.#emit(`change:${name}`);
  }

  save_changes() {
    tell({ id: this.#id, method: "update", state: this.#changed });
    this.#changed = {};
  }

  on(event, listener) {
    this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(listener));
  }

  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }

  send(content) {
    tell({ id: this.#id, method: "custom", content });
  }

  hears({ method, state = {}, content }) {
    if (method === "custom") return this.#emit("msg:custom", content, []);
    if (method !== "update") return;
    for (const [name, value] of Object.entries(state)) {
      if (JSON.stringify(this.#state[name]) === JSON.stringify(value)) continue;
      this.#state[name] = value;
      this.#emit(`change:${name}`);
    }
  }

  #emit(event, ...args) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...args);
  }
}

async function open(id, { _esm: esm, _css: css, ...state }) {
  const model = new Model(id, state);
  const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const parts = typeof widget === "function" ? await widget() : widget;
  const signal = new AbortController().signal;
  const el = document.body.appendChild(document.createElement("div"));
  document.head.appendChild(document.createElement("style")).textContent = css;
  await parts.initialize?.({ model, signal });
  await parts.render?.({ model, el, signal });
  return model;
}

addEventListener("message", async ({ data: { id, ...message } }) => {
  if (message.method === "open") models.set(id, open(id, message.state));
  (await models.get(id))?.hears(message);
});
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => tell({ wrong: `${violatedDirective} ${blockedURI}` }));
addEventListener("error", ({ message }) => tell({ wrong: message }));
addEventListener("unhandledrejection", ({ reason }) => tell({ wrong: String(reason?.stack ?? reason) }));
tell({ ready: true });
