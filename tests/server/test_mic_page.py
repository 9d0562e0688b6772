"""The microphone in a page of its own: what its server lets it do, and that to look at it begins nothing."""

from __future__ import annotations

import re

import pytest
from server_tools import Access, Caller


async def test_the_page_may_run_its_own_script_and_nothing_else(real: Access) -> None:
    async with Caller(real) as caller:
        pages = [await caller.call("GET", "mic?model=sim/voice") for _ in range(2)]
    policies = [page.headers["content-security-policy"] for page in pages]
    nonces = [re.findall(r"'nonce-([^']+)'", policy) for policy in policies]
    assert all(len(set(found)) == 1 for found in nonces)
    assert nonces[0][0] != nonces[1][0], "a nonce that is known before is none"
    for page, policy, (nonce, *_) in zip(pages, policies, nonces, strict=True):
        assert policy.startswith("default-src 'none'; ")
        assert not re.search(r"unsafe|blob:|\*|https?:", policy)
        assert "frame-ancestors 'none'" in policy
        tags = re.findall(r"<(?:script|style)\b[^>]*>", page.text)
        assert len(tags) == 2
        assert all(f'nonce="{nonce}"' in each for each in tags)
        assert " on" not in " ".join(re.findall(r"<div [^>]*>", page.text))
        assert page.headers["permissions-policy"] == "microphone=(self)"


async def test_what_is_asked_for_stays_text(real: Access) -> None:
    evil = '"><script>alert(1)</script>'
    async with Caller(real) as caller:
        page = (await caller.call("GET", "mic", params={"model": evil, "stream": evil})).text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2


async def test_to_open_it_begins_nothing_and_lets_its_page_begin(real: Access) -> None:
    async with Caller(real) as owner:
        before = len((await owner.call("GET", "streams")).json()["streams"])
        page = await owner.call("GET", "mic")
        assert re.search(r'data-model="(local|sim)/voice"', page.text)
        assert "data-stream" not in page.text
        assert len((await owner.call("GET", "streams")).json()["streams"]) == before
    async with Caller(real, "cookie without xsrf") as visitor:
        visitor.http.headers.pop("Origin")
        cookies = {name: value for name, value in real.cookies.items() if name != "_xsrf"}
        visitor.http.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        assert "_xsrf" in (await visitor.call("GET", "mic")).cookies, "or the page could begin no session"


@pytest.mark.parametrize("given", [{}, {"hands_free": "false"}, {"interrupt": "false"}, {"interrupt": "maybe"}])
async def test_it_is_told_how_one_talks(real: Access, given: dict[str, str]) -> None:
    async with Caller(real) as caller:
        page = (await caller.call("GET", "mic", params=given)).text
    for name in ("hands_free", "interrupt"):
        told = "false" if given.get(name) == "false" else "true"
        assert f'data-{name.replace("_", "-")}="{told}"' in page
