"""Inputs and settings of voice sessions: their JSON, what is refused, and their way to provider and journal."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.errors import Refused
from tokenwidgets.events import Audio, End, Notice, Start, Text
from tokenwidgets.generation import Limits, Stream
from tokenwidgets.hub import Hub
from tokenwidgets.providers.registry import Call
from tokenwidgets.realtime import inputs
from tokenwidgets.realtime.inbox import WAITING_BYTES, Inbox
from tokenwidgets.realtime.inputs import Clear, Commit, Input, Interrupt, Played, Respond, Say, Sound, ToolResult, Update
from tokenwidgets.realtime.settings import Settings
from tokenwidgets.request import Request, parse

SAMPLES: list[Input] = [
    Sound(b"\x01\x00\x02\x00", 16_000), Commit(), Clear(), Say("hello", ("data:image/png;base64,AA==",), respond=False),
    ToolResult("call_1", "{}", respond=False), Respond("Be brief.", "text"), Respond(), Interrupt(3, 1200), Interrupt(),
    Update({"voice": "en"}, "Be kind.", ({"type": "function"},)), Update(), Played(2, 1000, 5),
]  # fmt: skip


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.type)
def test_every_input_comes_back_from_its_json(sample: Input) -> None:
    assert inputs.parse(json.loads(json.dumps(inputs.body(sample)))) == sample


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "'type' is one of"),
        ({"type": "shout"}, "'type' is one of"),
        ({"type": ["audio"]}, "'type' is one of"),
        ({"type": "audio", "delta": "?"}, "base64"),
        ({"type": "audio", "delta": "AA=="}, "whole 16-bit"),
        ({"type": "audio", "delta": "AAA=", "rate": 1}, "8000 to 48000"),
        ({"type": "audio"}, "does not look like"),
        ({"type": "commit", "now": True}, "does not look like"),
        ({"type": "text", "text": 5}, "does not look like"),
        ({"type": "text", "text": "x", "images": ["https://x/y.png"]}, "data URLs"),
        ({"type": "respond", "output": "video"}, "'audio' or 'text'"),
        ({"type": "interrupt", "played_ms": -1}, "does not look like"),
        ({"type": "played", "block": 1, "at": True}, "does not look like"),
    ],
)
def test_what_is_no_input_is_refused_in_a_sentence(body: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        inputs.parse(body)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(
    st.dictionaries(st.sampled_from(["type", "delta", "rate", "text", "images", "block", "at", "settings", "tools", "id"]), anything),
    anything,
)
def test_anything_is_an_input_or_refused(body: dict[str, Any], other: Any) -> None:
    for kind in [sample.type for sample in SAMPLES]:
        for candidate in (body, other, {**body, "type": kind}):
            try:
                inputs.parse(candidate)
            except Refused:
                pass


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ("yes", "object of settings"),
        ({"colour": "red"}, "no setting 'colour'"),
        ({"output": "video"}, "'audio' or 'text'"),
        ({"silence_ms": 1}, "from 50 to 5000"),
        ({"interrupt": 1}, "true or false"),
    ],
)
def test_settings_that_are_none_are_refused(session: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        parse({"model": "sim/voice", "session": session})


def test_a_session_needs_no_words_before_it_and_may_have_some() -> None:
    request = parse({"model": "sim/voice", "session": {"output": "text"}})
    assert (request.messages, request.session) == ((), Settings(output="text"))
    assert parse(request.body()) == request
    assert len(parse({"model": "sim/voice", "session": {}, "prompt": "We spoke of tea."}).messages) == 1
    with pytest.raises(Refused, match="either 'prompt' or 'messages'"):
        parse({"model": "sim/voice"})


# ---- their way


class Repeats:
    """Writes what it is given, and ends when it is told to."""

    async def converse(self, request: Request, sink: Any, inputs: Inbox) -> None:
        async for each in inputs:
            match each:
                case Say("end"):
                    sink.emit(End("stop"))
                    return
                case Sound():
                    sink.emit(Text(1, f"{each.seconds:g} s"))
                case _:
                    sink.emit(Text(1, each.type))


class NoRegistry:
    async def aclose(self) -> None: ...


def session(hub: Hub) -> Stream:
    return hub.begin(Call(Request("sim/voice", (), session=Settings()), "sim", "", Repeats()), "me")


async def ended(stream: Stream) -> list[Any]:
    return [entry.event async for batch in stream.journal.read() for entry in batch]


async def test_inputs_reach_the_provider_in_their_order_and_sound_the_journal() -> None:
    stream = session(Hub(NoRegistry()))  # type: ignore[arg-type]
    second = b"\x01\x00" * 16_000
    for each in (Sound(second, 16_000), Say("so"), Played(4, 77, 2), Interrupt(4, 600), Interrupt(), Commit(), Say("end")):
        stream.take(each)
    start, *events = await ended(stream)
    assert isinstance(start, Start)
    assert [e for e in events if isinstance(e, Audio)] == [Audio(0, base64.b64encode(second).decode(), rate=16_000, role="user")]
    assert [e.delta for e in events if isinstance(e, Text)] == ["1 s", "text", "interrupt", "interrupt", "commit"]
    assert [e for e in events if isinstance(e, Notice)] == [
        Notice("played", {"block": 4, "at": 77, "uncertainty": 2}),
        Notice("truncated", {"block": 4, "played_ms": 600}),
    ]
    assert events[-1] == End("stop")


async def test_short_sounds_are_journalled_together() -> None:
    stream = session(Hub(NoRegistry()))  # type: ignore[arg-type]
    for _ in range(20):
        stream.take(Sound(b"\x00\x00" * 480, 24_000))
    stream.take(Say("end"))
    sounds = [e for e in await ended(stream) if isinstance(e, Audio)]
    assert len(sounds) == 2


async def test_what_takes_no_input_says_so() -> None:
    hub = Hub(NoRegistry())  # type: ignore[arg-type]
    stream = session(hub)
    stream.take(Say("end"))
    await ended(stream)
    with pytest.raises(Refused, match="has ended"):
        stream.take(Commit())


async def test_a_session_that_takes_nothing_is_given_no_more_than_the_limit() -> None:
    inbox = Inbox()
    half = Sound(bytes(WAITING_BYTES // 2 - 1000), 24_000)
    inbox.put(half)
    inbox.put(half)
    with pytest.raises(Refused, match="as fast as it comes"):
        inbox.put(half)
    assert isinstance(await inbox.take(), Sound)


async def test_a_sessions_journal_has_a_limit_of_its_own() -> None:
    stream = session(Hub(NoRegistry(), Limits(session_bytes=5000)))  # type: ignore[arg-type]
    for _ in range(200):
        stream.take(Clear())
    last = (await ended(stream))[-1]
    assert (last.type, last.code) == ("error", "limit")
