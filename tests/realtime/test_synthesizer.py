"""The child process that speaks: its sound comes whole, it can be left off, it dies and is started anew."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tokenwidgets.errors import Refused
from tokenwidgets.realtime.synthesizer import Speaker

CHILD = """
import json, struct, sys
out = sys.stdout.buffer
out.write(b'{"rate": 24000}\\n'); out.flush()
for line in sys.stdin:
    asked = json.loads(line)
    if asked["text"] == "die":
        out.write(struct.pack("<I", 100) + b"half"); out.flush()
        sys.exit(1)
    for word in asked["text"].split():
        sound = word[:1].encode() * 20000
        out.write(struct.pack("<I", len(sound)) + sound)
    out.write(struct.pack("<I", 0)); out.flush()
"""


def speaker(source: str = CHILD) -> Speaker:
    return Speaker((sys.executable, "-c", source))


async def spoken(speaks: Speaker, text: str) -> bytes:
    return b"".join([piece async for piece in speaks.speak(text, None)])


async def test_a_text_is_its_sound():
    speaks = speaker()
    await speaks.load()
    try:
        assert await spoken(speaks, "a b") == b"a" * 20000 + b"b" * 20000
        assert await spoken(speaks, "c") == b"c" * 20000
    finally:
        await speaks.aclose()


async def test_whoever_leaves_off_leaves_nothing_for_the_next():
    speaks = speaker()
    try:
        first = speaks.speak("a b c d e f", None)
        assert (await anext(first))[:1] == b"a"
        await first.aclose()
        assert await spoken(speaks, "z") == b"z" * 20000
    finally:
        await speaks.aclose()


async def test_one_that_is_cancelled_while_it_waits_breaks_nothing():
    speaks = speaker("import time\n" + CHILD.replace("for word", "time.sleep(0.2)\n    for word"))
    try:
        await speaks.load()
        waiting = asyncio.ensure_future(spoken(speaks, "a b"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await spoken(speaks, "z") == b"z" * 20000
    finally:
        await speaks.aclose()


async def test_a_child_that_dies_fails_one_sentence():
    speaks = speaker()
    try:
        with pytest.raises(Refused, match="starts it anew"):
            await spoken(speaks, "die")
        assert await spoken(speaks, "a") == b"a" * 20000
    finally:
        await speaks.aclose()


async def test_a_child_that_does_not_start_is_said_so():
    with pytest.raises(Refused, match="did not start"):
        await speaker("print('no')").load()
