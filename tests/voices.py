"""Recorded voice sessions, and what every dialect of voice sessions is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import fixtures

from tokenwidgets import dialects
from tokenwidgets.dialects.realtime import RealtimeWire
from tokenwidgets.events import TERMINAL, Audio, Event, Notice, Speech, Text, Tool, Transcript, Usage, encode
from tokenwidgets.request import parse


def wire(dialect: str, session: dict[str, Any] | None = None, **more: Any) -> RealtimeWire:
    return dialects.voice(dialect).wire(parse({"model": "some/voice-1", "session": session or {}, **more}))


def recorded(name: str) -> list[tuple[str, Any]]:
    """The messages of a session with whose they are, `server`, `client` or `close`; payloads without an envelope are the server's."""
    rows = [json.loads(line) for line in (fixtures.ROOT / "realtime" / name).read_text().splitlines() if line.strip()]
    return [("close", row["close"]) if "close" in row else (row.get("dir", "server"), row.get("data", row)) for row in rows]


def server(name: str) -> list[bytes]:
    return [json.dumps(data).encode() for who, data in recorded(name) if who == "server"]


def client(name: str) -> list[Any]:
    return [data for who, data in recorded(name) if who == "client"]


def read(this: RealtimeWire, frames: Iterable[bytes], step_us: int = 1000) -> list[Event]:
    this.opening()
    return [event for i, frame in enumerate(frames) for event in this.receive(frame, i * step_us).events]


def said(frames: Iterable[bytes]) -> list[Any]:
    return [json.loads(frame) for frame in frames]


def words(events: Iterable[Event], role: str) -> str:
    return "".join(e.delta for e in events if isinstance(e, Transcript) and e.role == role)


def text(events: Iterable[Event]) -> str:
    return "".join(e.delta for e in events if isinstance(e, Text))


def sounds(events: Iterable[Event]) -> list[Audio]:
    return [e for e in events if isinstance(e, Audio)]


def calls(events: Iterable[Event]) -> list[tuple[Any, ...]]:
    return [(e.id, e.name, e.arguments, e.invalid) for e in events if isinstance(e, Tool) and e.done]


def turns(events: Iterable[Event]) -> list[Any]:
    return [e.data for e in events if isinstance(e, Notice) and e.kind == "turn"]


def notices(events: Iterable[Event], kind: str) -> list[Any]:
    return [e.data for e in events if isinstance(e, Notice) and e.kind == kind]


def usages(events: Iterable[Event]) -> list[Usage]:
    return [e for e in events if isinstance(e, Usage)]


def speech(events: Iterable[Event]) -> list[tuple[str, int | None]]:
    return [(e.state, e.since) for e in events if isinstance(e, Speech)]


def sound(events: list[Event]) -> None:
    """None of them ends the session, and all of them can be written as JSON."""
    assert not any(isinstance(e, TERMINAL) for e in events)
    for i, event in enumerate(events):
        json.loads(encode(event, i, 0).data)


def ends_once(this: RealtimeWire, code: int | None = None) -> None:
    """What a connection's end gives: one ending, or that there is to be another connection."""
    events = this.closed(code, "gone")
    assert [isinstance(e, TERMINAL) for e in events].count(True) == (0 if this.renew else 1)
    assert this.renew or isinstance(events[-1], TERMINAL)
