"""What the decoders of Anthropic and Gemini share: from bytes to JSON payloads, and what to say when there are none.

A body is SSE, or it is JSON (an object, or an array that arrives piece by piece); its first byte tells. JSON between SSE events is
read as well, since servers put their errors there (wire-formats rule F11).
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..events import End, Error, Event
from ..wire import sse
from . import failures
from .json_objects import JsonObjects
from .untrusted import mapping, parse

_BLANK = b" \t\r\n\xef\xbb\xbf"
"""What may stand before the first byte that tells, a byte order mark included."""

_BLANK_LIMIT = 64
"""The most blanks before JSON in its first line."""


class FrameDecoder:
    """Bytes of one response body in, events out; any bytes give events and exactly one terminal event.

    A subclass reads payloads in `_body` and decides in `_ended` how a stream that is over has ended.

    Attributes
    ----------
    finishing : a finish reason was seen: only usage and the end marker may still come.
    done : the terminal event was given.
    """

    stream_of: ClassVar[str] = "stream"
    """What the body should have been, for the message about one that is not."""

    def __init__(self) -> None:
        self.finishing = False
        self.done = False
        self._sse = sse.Parser()
        self._objects = JsonObjects()
        self._is_json = False
        self._lead: bytes | None = b""
        self._out: list[Event] = []
        self._blocks = 0
        self._valid = False
        self._instead = ""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes of the body, in any chunking."""
        if self.done:
            return []
        if self._lead is not None:
            data = self._decide(self._lead + data)
        if self._is_json:
            self._json(data)
        else:
            self._items(self._sse.feed(data), tail=False)
        return self._drain()

    def _decide(self, data: bytes) -> bytes:
        """Tell JSON from SSE by the first byte that is not blank; gives the bytes to read now, which begin with its line."""
        blank = len(data) - len(data.lstrip(_BLANK))
        line = max(data.rfind(b"\n", 0, blank), data.rfind(b"\r", 0, blank)) + 1
        data, blank = data[line:], blank - line
        if blank == len(data) <= _BLANK_LIMIT:
            self._lead = data
            return b""
        self._lead = None
        self._is_json = blank <= _BLANK_LIMIT and data[blank : blank + 1] in (b"{", b"[")
        return data

    def close(self) -> list[Event]:
        """The body has ended, or the time after the finish reason is up: give what is left and the terminal event, if not given yet."""
        if self.done:
            return []
        self._items(self._sse.close(), tail=True)
        if not self.done:
            self._over(marked=False)
        return self._drain()

    def _body(self, event: str, body: Any) -> None:
        """Read one payload.

        Parameters
        ----------
        event : its SSE name, if it has one.
        body : any JSON.
        """
        raise NotImplementedError

    def _ended(self, marked: bool) -> None:
        """The stream is over: end it. `marked` says whether an end marker came."""
        raise NotImplementedError

    def _settle(self, last: End | Error) -> None:
        """End what is open and give what is left, right before the terminal event."""
        raise NotImplementedError

    def _new_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1

    def _drain(self) -> list[Event]:
        out, self._out = self._out, []
        return out

    def _items(self, items: list[sse.Item], tail: bool) -> None:
        for item in items:
            if isinstance(item, sse.Message):
                self._message(item, tail)
            elif isinstance(item, sse.Stray):
                self._json(item.line.encode() + b"\n")
            elif isinstance(item, sse.Overflow):
                self._too_large()
            else:
                self._instead = self._instead or "only keep-alives"
            if self.done:
                return

    def _message(self, message: sse.Message, tail: bool) -> None:
        data = message.data.strip()
        if data == "[DONE]":  # of gateways that speak several formats
            self._over(marked=True)
            return
        try:
            body = parse(data)
        except ValueError:
            self._unreadable(message.event, data, tail)
            return
        self._payload(message.event, body)

    def _json(self, data: bytes) -> None:
        for text in self._objects.feed(data):
            try:
                body = parse(text)
            except ValueError:
                self._unreadable("", text.decode("utf-8", "replace"), tail=False)
            else:
                self._payload("", body)
            if self.done:
                return
        if self._objects.overflow:
            self._too_large()
        elif self._is_json and self._objects.ended:
            self._over(marked=True)

    def _payload(self, event: str, body: Any) -> None:
        self._body(event, body)
        if not self._valid and not self.done:
            names = failures.one_line(", ".join(mapping(body)), failures.EXCERPT_LIMIT)
            self._instead = f"JSON with the fields {names}" if names else "JSON that is no object"

    def _unreadable(self, event: str, data: str, tail: bool) -> None:
        """No JSON. At the stream's end it was cut; within, a broken chunk is a hole in the answer, anything else a keep-alive."""
        if event == "error":
            self._finish(failures.from_object(data))
        elif data.startswith("{") and not tail and not self.finishing:
            self._finish(Error("protocol", "The provider sent a piece of the answer that cannot be read.", retryable=True))
        elif data and not self._valid:
            self._instead = f"data that is no JSON: {failures.one_line(data, failures.EXCERPT_LIMIT)}"

    def _too_large(self) -> None:
        self._finish(Error("protocol", f"One event of the stream is larger than {sse.EVENT_LIMIT >> 20} MiB, so the stream was left."))

    def _over(self, marked: bool) -> None:
        if self._valid:
            self._ended(marked)
            return
        text = self._objects.junk.decode("utf-8", "replace")
        if failures.is_html(text):
            self._instead = "HTML"
        elif text and not self._instead:
            self._instead = f"text: {failures.one_line(text, failures.EXCERPT_LIMIT)}"
        hint = ": is the base URL right?" if self._instead == "HTML" else "."
        self._finish(Error("protocol", f"Instead of a {self.stream_of} the server sent {self._instead or 'nothing'}{hint}"))

    def _finish(self, last: End | Error) -> None:
        self._settle(last)
        self._out.append(last)
        self.done = True
