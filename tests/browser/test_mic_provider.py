"""The microphone's third way: between the page and the provider itself, which here is our own gateway, in OpenAI's protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .app import SECONDS, Server
from .test_mic import MIC, Mic, hearing, mic, microphone, page, sound

__all__ = ["hearing", "mic", "microphone", "page"]

CONFIG = """
[hosts.gateway]
key_env = "GATEWAY_KEY"
local = true
[hosts.gateway.dialects]
openai-realtime = "{url}tokenwidgets/v1"
"""


@pytest.fixture
def host(server: Server) -> Iterator[None]:
    """The server's own gateway as a host; its key is Jupyter's token."""
    keys = server.config.parent / "config" / "keys.toml"
    server.config.write_text(CONFIG.format(url=server.url.replace("http", "ws", 1)))
    keys.touch(mode=0o600)
    keys.write_text(f'gateway = "{server.token}"\n')
    server.end_streams()
    yield
    keys.unlink()
    server.config.unlink()


def test_page_and_provider_speak_the_session_hears_of_it_and_goes_on_when_the_provider_hangs_up(
    mic: Callable[..., Mic], server: Server, host: None, rtc: None, tmp_path: Path
) -> None:
    it = mic(
        MIC[0],
        "m = tw.mic('gateway/sim/voice', path='provider')\nm",
        "m.said.seconds == 0 == m.audio.seconds, m.words",
        "m.said.seconds > 0 < m.audio.seconds",
    )
    posted: list[str] = []
    it.page.on("request", lambda request: posted.append(str(request.headers)) if request.method == "POST" else None)
    it.choose(sound(tmp_path / "said.wav", *5 * (2.0, "sky", 3.5)))
    it.button.click()
    badge = it.root.locator(".tw-badge")
    expect(badge).to_contain_text("WebRTC to the provider", timeout=SECONDS * 1000)
    expect(badge).to_have_attribute("title", re.compile("between this page and the provider.*as asked"))
    heard, said = it.turn(0)
    assert heard[:-1] in said
    assert it.page.evaluate("window.__sound.some((piece) => piece.some((sample) => Math.abs(sample) > 0.05))")
    bar = it.root.locator(".tw-m-turn").filter(has_text="helps.").locator(".tw-m-bar").first
    expect(bar).to_have_attribute("aria-label", re.compile("to the loudspeaker"), timeout=SECONDS * 1000)
    assert sum("Bearer ek_" in headers for headers in posted) == 1
    assert not any(server.token in headers for headers in posted), "the host's key is not for pages"
    shown = it.python(3)
    assert "True" in shown, "no sound came by here"
    assert heard in shown

    *_, call = [stream["id"] for stream in server.get("tokenwidgets/streams?text=0")["streams"] if stream["model"] == "sim/voice"]
    server.call("POST", f"tokenwidgets/v1/realtime/calls/rtc_{call}/hangup")
    expect(badge).to_have_attribute("title", re.compile("AudioWorklet, in place of the provider's own WebRTC"), timeout=SECONDS * 1000)
    it.turn(1)
    it.button.click()
    it.state("off")
    assert "True" in it.python(4)
