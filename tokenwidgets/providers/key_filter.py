"""Our own key, struck out of whatever a host repeats of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..events import Event, payload
from .keys import Secret

KEY_BYTES = 8
"""A key at least this long is struck out of what a host sends; a shorter one is a placeholder, and could be a word of the answer."""

MARK = "[key]"
"""What stands where a key was."""


class KeyFilter:
    r"""Strikes our own key out of what a host repeats of it: out of its bytes, in whichever reads they come, and out of decoded events.

    Bytes at the end of a read that may begin the key wait for the next one. JSON may spell any letter of it `\u…`. What a model says of
    a key token by token, over several deltas, is not caught, nor what is spelled in any other way: base64, or with escapes within escapes.

    Parameters
    ----------
    key : ours; without one, or with one shorter than `KEY_BYTES`, everything passes as it is.
    """

    def __init__(self, key: Secret | None) -> None:
        text = key.reveal() if key else ""
        self._key = text if len(text) >= KEY_BYTES else ""
        self._letters = [_spellings(letter) for letter in self._key]
        self._whole = re.compile(b"".join(map(_pattern, self._letters)))
        self._first = re.compile(b"[%b]" % re.escape(b"\\" + self._key[:1].encode()))
        self._longest = sum(max(map(len, letter)) for letter in self._letters)
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be let go of all that came."""
        if not self._key:
            return data
        *before, rest = self._whole.split(self._held + data)
        at = self._beginning(rest)
        self._held = rest[at:]
        return MARK.encode().join([*before, rest[:at]])

    def close(self) -> bytes:
        """What was held at the end of the body; a key that was cut there is struck out like a whole one."""
        held, self._held = self._held, b""
        return held if len(held) < KEY_BYTES else MARK.encode()

    def whole(self, data: bytes) -> bytes:
        """All of what is a message of its own."""
        return self.feed(data) + self.close()

    def _beginning(self, data: bytes) -> int:
        """Where the key may begin at the end of `data`, at first; no key holds a line break, and few reads end without one."""
        first = max(len(data) - self._longest, data.rfind(b"\n") + 1)
        candidates = (m.start() for m in self._first.finditer(data, first))
        return next((at for at in candidates if self._begins(data, at)), len(data))

    def _begins(self, data: bytes, at: int) -> bool:
        """Whether the bytes from `at` on are the beginning of the key, perhaps up to the middle of an escape."""
        for letter in self._letters:
            size = next((len(way) for way in letter if data.startswith(way, at)), 0)
            if size == 0:
                return any(way.startswith(data[at : at + len(way)]) for way in letter)
            at += size
        return False

    def events(self, events: Iterable[Event]) -> list[Event]:
        """The events without the key in any text of theirs."""
        return [self._event(event) for event in events] if self._key else list(events)

    def _event(self, event: Event) -> Event:
        said = payload(event)
        changes = {name: new for name, value in said.items() if (new := self._value(value)) != value}
        return replace(event, **changes) if changes else event

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(self._key, MARK)
        if isinstance(value, Mapping):
            return {self._value(k): self._value(v) for k, v in value.items()}
        return [self._value(v) for v in value] if isinstance(value, list) else value


def _spellings(letter: str) -> list[bytes]:
    """The ways in which JSON may say a letter, the longest first."""
    code = f"{ord(letter):04x}"
    escapes = {f"\\u{code}", f"\\u{code.upper()}", *([f"\\{letter}"] if letter in '"\\/' else [])}
    return [*sorted((e.encode() for e in escapes), key=len, reverse=True), letter.encode()]


def _pattern(ways: list[bytes]) -> bytes:
    """One of them; a backslash that is itself escaped begins none."""
    return b"(?:%b)" % b"|".join((rb"(?<!\\)" if len(way) > 1 else b"") + re.escape(way) for way in ways)
