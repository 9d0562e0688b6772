"""The program that reads a stream over WebRTC, in a page of the Jupyter server."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tokenwidgets.codegen import reading

from .app import Server

# The whole of the longer answer is one message to a reader that comes late: it travels in parts.
LENGTHS = {"short": 40, "in parts": 20_000}


@pytest.mark.parametrize("tokens", LENGTHS.values(), ids=LENGTHS)
def test_webrtc(page: Page, server: Server, rtc: None, tokens: int) -> None:
    options: dict[str, Any] = {"ttft_ms": 0, "itl_ms": 0, "tokens": tokens}
    asked = {"model": "sim/steady", "prompt": "hello", "options": options}
    said = server.finished(server.call("POST", "tokenwidgets/streams", asked)["id"])["text"]
    page.goto(f"{server.url}lab?token={server.token}")
    page.evaluate(f"async () => {{{reading.program(asked, 'javascript-webrtc', server.url)}}}")
    assert said in page.locator("body > pre").all_text_contents()
