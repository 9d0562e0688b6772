import assert from "node:assert/strict";
import { test } from "node:test";
import { JSDOM } from "jsdom";
import { findServer, socketUrl, xsrf } from "../src/lib/server.js";

/** @param {string} body */
const page = (body) => new JSDOM(`<!doctype html>${body}`).window.document;
/** @param {string} json */
const lab = (json) => page(`<script id="jupyter-config-data" type="application/json">${json}</script>`);

test("JupyterLab's base URL is taken as it stands", () => {
  assert.deepEqual(findServer(lab('{"baseUrl": "/user/a%40b/", "token": "secret"}')), { base: "/user/a%40b/" });
  assert.deepEqual(findServer(lab('{"baseUrl": "/user/a@b"}')), { base: "/user/a@b/" });
});

test("an older page names it on its body; another page has none", () => {
  assert.deepEqual(findServer(page('<body data-base-url="/nb/">')), { base: "/nb/" });
  assert.equal(findServer(page("<body>")), null);
  assert.equal(findServer(lab("not JSON")), null);
});

test("of several XSRF cookies the last one counts", () => {
  assert.equal(xsrf("_xsrf=old; other=1; _xsrf=2|new|x="), "2|new|x=");
  assert.equal(xsrf("my_xsrf=no"), null);
  assert.equal(xsrf(""), null);
});

test("the socket's address is the page's with the scheme swapped", () => {
  const server = { base: "/user/a%40b/" };
  assert.equal(socketUrl(server, "tokenwidgets/socket", "https://hub.example/user/a%40b/lab?x=1"), "wss://hub.example/user/a%40b/tokenwidgets/socket");
  assert.equal(socketUrl(server, "tokenwidgets/socket", "http://localhost:8888/lab"), "ws://localhost:8888/user/a%40b/tokenwidgets/socket");
  assert.equal(socketUrl({ base: "/user/a@b/" }, "x", "http://h/"), "ws://h/user/a@b/x");
});
