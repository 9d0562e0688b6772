"""What goes wrong is said in a sentence, and what a model says is never more than text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from .app import SECONDS, Server
from .conftest import Open
from .provider import CONFIG, Provider

HOSTILE = """<script>window.__pwned = 1</script>
<img src=x onerror="window.__pwned = 2"> <svg onload="window.__pwned = 3">
<button data-commandlinker-command="notebook:run-all-cells" id="planted">Click</button>
<a href="javascript:window.__pwned = 4">a</a> [b](javascript:window.__pwned=5) ![c](http://127.0.0.1:9/track.png)
<iframe srcdoc="<script>parent.__pwned = 6</script>"></iframe>
<style>body { display: none }</style> $\\href{javascript:alert(1)}{x}$ </div>"""

SEEN = """<script>window.__pwned = 1</script>
<img src=x onerror="window.__pwned = 2"> <svg onload="window.__pwned = 3">
<button data-commandlinker-command="notebook:run-all-cells" id="planted">Click</button>
<a href="javascript:window.__pwned = 4">a</a> [b](javascript:window.__pwned=5) c
<iframe srcdoc="<script>parent.__pwned = 6</script>"></iframe>
<style>body { display: none }</style>"""
"""What a reader sees of it: the picture's address is a link, which nothing follows by itself, and the formula is one."""

BAD = {
    "nowhere/model": "Failed: There is no host 'nowhere'",
    "openai/gpt-5.2": "Failed: No key for openai: set OPENAI_API_KEY, or store one with: %stream config key openai.",
    "sim/steady -o itl_ms fast": "Failed: Option 'itl_ms' is a number from 0 to 60000, not 'fast'.",
    "sim/steady -o colour red": "Failed: sim has no option 'colour'; it has max_tokens,",
    "sim/stedy": "Failed: There is no simulated model 'stedy': there is sim/steady.",
    "nobody/model": "Failed: 127.0.0.1:9 cannot be reached (connection refused): is the server running and the address right?",
    "scripted/html": "Failed: Instead of a chat completion stream the server sent HTML: is the base URL right?",
    "scripted/cut": "Cut off: the connection ended without the provider's end marker",
}


@pytest.fixture
def provider(server: Server) -> Iterator[Provider]:
    with Provider(HOSTILE).running() as provider:
        server.config.write_text(CONFIG.format(url=provider.url))
        yield provider
    server.config.unlink()


def test_what_goes_wrong_is_one_sentence(notebook: Open, provider: Provider) -> None:
    book = notebook(*(f"%%stream {line}\nHello" for line in BAD))
    book.run()
    book.idles()
    for index, sentence in enumerate(BAD.values(), start=1):
        expect(book.static(index)).to_contain_text(sentence)
        assert "Traceback" not in book.output(index).inner_text()
        assert book.output(index).locator(".jp-OutputArea-child").count() == 1
    expect(book.static(len(BAD))).to_contain_text("It begins well, but")


def test_hostile_text_stays_text(notebook: Open, provider: Provider) -> None:
    book = notebook("%%stream scripted/hostile\nHello")
    requests: list[str] = []
    book.page.on("request", lambda request: requests.append(request.url))
    book.run()
    card = book.live(1)
    expect(card.text).to_contain_text("{x} </div>", timeout=SECONDS * 1000)
    controls = "button.tw-button, button.tw-badge, button.tw-menu-item, button.tw-spark-button, details, summary, svg.tw-spark, path"
    harmless(card.root, f"div, span, p, strong, a, code, {controls}")
    provider.release.set()
    book.idle(1)
    static = book.static(1)
    expect(static).to_contain_text("The end.")
    harmless(static, "div, span, p, strong, a, code, svg, svg *")
    assert book.page.evaluate("window.__pwned") is None
    assert not [url for url in requests if "track.png" in url]
    markdown = book.save()["cells"][1]["outputs"][0]["data"]["text/markdown"]
    assert not re.search(r"<\w|\]\((?!http://127\.0\.0\.1:9/track\.png\))", "".join(markdown))


def harmless(shown: Locator, elements: str) -> None:
    """Nothing in it is made from the text, all of which can be read."""
    seen = " ".join(shown.inner_text().split())
    for line in SEEN.splitlines():
        assert line in seen
    assert shown.locator(f":not({elements})").count() == 0
    assert shown.locator("#planted, [data-commandlinker-command], [src], [onload], [onerror]").count() == 0
    assert shown.locator("[href]").evaluate_all("links => links.map((link) => link.href)") == ["http://127.0.0.1:9/track.png"]
