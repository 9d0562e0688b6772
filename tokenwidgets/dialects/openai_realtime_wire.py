"""One session of OpenAI's Realtime, without I/O (wire-formats section 3).

A session ends at the provider after an hour and cannot be resumed there: it goes on over another connection, which is told what was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count
from types import MappingProxyType
from typing import Any

from ..errors import Refused
from ..events import Error, Event, Notice
from ..realtime.inputs import Clear, Commit, Input, Interrupt, Join, Played, Respond, Say, Sound, ToolResult, Update
from ..realtime.settings import Settings
from ..request import Request
from . import failures
from . import openai_realtime_items as items
from . import openai_realtime_session as sessions
from .dump import dump
from .openai_realtime_answers import Answers
from .openai_realtime_hearing import Hearing, transcribed
from .openai_realtime_items import Item, Items
from .openai_realtime_usage import rate_limits
from .realtime import RECOVERABLE, Step, fault, lost, told, turned
from .responses_item import Grown
from .untrusted import mapping, number, parse, string

EXPIRED = "session_expired"
"""The session's hour is over."""

ACTIVE = "conversation_already_has_active_response"
"""The server had begun an answer of its own when ours was asked for: it is asked for again after that one."""

HARMLESS = ("response_cancel_not_active",)
"""Faults that say only that we were late: an answer had ended already."""

JOINED = "The page speaks with the provider itself; this connection listens. The user's sound is not kept."
"""Why a call has a connection of ours."""

DEAF = "The page speaks with the provider itself, so sound that is given here is not heard."
"""What becomes of other sound meanwhile."""

LEFT = "The page speaks here again; what was said was told over a new connection."
"""Why it has none any more."""

_BETA = {
    "response.text": "response.output_text",
    "response.audio": "response.output_audio",
    "response.audio_transcript": "response.output_audio_transcript",
}
"""Names of the beta, which Azure's Voice Live kept, as those of today."""

_WRITTEN = {"output_text": "text"}
"""Kinds of content as the beta calls them."""


class OpenAIRealtimeWire:
    """See `RealtimeWire`.

    Parameters
    ----------
    request : what is asked for; its messages are what was said before.

    Raises
    ------
    Refused : an option or a message cannot be said.
    """

    def __init__(self, request: Request) -> None:
        sessions.check(request)
        self.ready = False
        self.renew = False
        self.call = ""
        self._request = request
        self._settings = request.session or Settings()
        self._items = Items()
        for item in items.earlier(request):
            self._items.sent(item)
        self._blocks = count(1)
        self._numbers = count(1)
        self._shape: sessions.Shape = "ga"
        self._about: Mapping[str, Any] = {}
        self._renewed = ""
        self._opened()

    def _opened(self) -> None:
        """Forget what holds for one connection."""
        self.ready = self.renew = False
        self._hearing = Hearing(track=bool(self.call))
        self._answers = Answers(self._items, lambda: next(self._blocks))
        self._asked = ""
        self._last: tuple[str, Mapping[str, Any]] = ("", {})
        self._due: list[Mapping[str, Any]] = []
        self._lived = self._deaf = False
        self._fault: Error | None = None

    @property
    def waiting(self) -> bool:
        """See `RealtimeWire`."""
        return not self.ready or self._busy

    @property
    def _busy(self) -> bool:
        return self._answers.running or bool(self._asked)

    def opening(self) -> list[bytes]:
        """Nothing: the server speaks first, and shows which shape of a session it knows. To who listens to a call it says nothing."""
        self._opened()
        return self._introduced() if self.call else []

    # ------------------------------------------------------------------ inputs

    def say(self, given: Input, at: int) -> Step:
        """See `RealtimeWire`."""
        match given:
            case Sound() if self.call:
                return self._unheard()
            case Sound():
                audio = self._hearing.append(given, at)
                return _frames({"type": "input_audio_buffer.append", "audio": audio}) if audio else Step()
            case Commit():
                return _frames({"type": "input_audio_buffer.commit"})
            case Clear():
                return _frames({"type": "input_audio_buffer.clear"})
            case Say():
                return self._item(items.said(given.text, given.images), self._answer_now(Respond(), at) if given.respond else Step())
            case ToolResult():
                return self._item(items.result(given.id, given.output), self._answer(Respond()) if given.respond else Step())
            case Respond():
                return self._answer_now(given, at)
            case Interrupt():
                return self._interrupt(given, at)
            case Update():
                return self._update(given)
            case Join():
                return self._join(given.call or "")
            case Played():
                return Step()

    def _unheard(self) -> Step:
        """Sound from elsewhere than the call, which is told once."""
        told, self._deaf = self._deaf, True
        return Step([] if told else [fault(DEAF)])

    def _join(self, call: str) -> Step:
        if call == self.call:
            return Step()
        self.call = call
        return Step(self._gone(JOINED if call else LEFT))

    def _item(self, item: Mapping[str, Any], then: Step) -> Step:
        self._items.sent(item)
        return Step(then.events, [self._created(item), *then.frames])

    def _created(self, item: Mapping[str, Any]) -> bytes:
        if self._shape == "beta":
            parts = [{**p, "type": _WRITTEN.get(p["type"], p["type"])} for p in item.get("content", [])]
            item = {**item, **({"content": parts} if parts else {})}
        return dump({"type": "conversation.item.create", "item": item})

    def _answer_now(self, given: Respond, at: int) -> Step:
        """Answer in place of whatever is being answered."""
        left = self._interrupt(Interrupt(), at)
        return Step(left.events, left.frames + self._answer(given).frames)

    def _answer(self, given: Respond) -> Step:
        """Answer, once nothing else is being answered: a conversation has one response at a time."""
        self._due.append(self._response(given))
        return Step(frames=self._next())

    def _response(self, given: Respond) -> Mapping[str, Any]:
        how = "output_modalities" if self._shape == "ga" else "modalities"
        both = self._shape == "beta" and given.output == "audio"
        asked = {
            **({"instructions": given.instructions} if given.instructions else {}),
            **({how: ["text", "audio"] if both else [given.output]} if given.output else {}),
        }
        return {"response": asked} if asked else {}

    def _next(self) -> list[bytes]:
        """The next answer that is due, if there is one and it can be asked for."""
        if self._busy or not self._due:
            return []
        self._asked = f"respond_{next(self._numbers)}"
        self._last = self._asked, self._due.pop(0)
        return [dump({"type": "response.create", "event_id": self._asked, **self._last[1]})]

    def _interrupt(self, given: Interrupt, at: int) -> Step:
        """End the answer, and have the server forget what nobody heard of it. How much was heard of one that was cut off already, which a
        page tells a moment later, ends no later one.
        """
        item = None if given.block is None else self._items.block(given.block)
        earlier = item is not None and item.text.block <= self._answers.cut_off
        events, frames = ([], []) if earlier else self._ended_by_user(at)
        if item and item.id and item.audio_ms and given.played_ms is not None:
            played = min(given.played_ms, int(item.audio_ms))
            item.cut(played)
            frames.append({"type": "conversation.item.truncate", "item_id": item.id, "content_index": 0, "audio_end_ms": played})
        return Step(events, _frames(*frames).frames)

    def _ended_by_user(self, at: int) -> tuple[list[Event], list[dict[str, Any]]]:
        """What ends the answer that is being given, and those that were to come."""
        self._due.clear()
        sounds = bool(self.call) and at < self._answers.sounds_until
        events = self._silenced(at)
        frames: list[dict[str, Any]] = [{"type": "response.cancel"}] if self._busy else []
        if sounds:
            frames.append({"type": "output_audio_buffer.clear"})
        return events, frames

    def _update(self, given: Update) -> Step:
        try:
            settings = self._settings.changed(given.settings)
        except Refused as e:
            return Step([Notice("session", {"refused": e.message})])
        same_voice = settings.voice == self._settings.voice
        self._settings = settings
        if given.system is not None:
            self._request = replace(self._request, system=given.system)
        if given.tools is not None:
            self._request = replace(self._request, tools=given.tools)
        cleared = {**({"instructions": ""} if given.system == "" else {}), **({"tools": []} if given.tools == () else {})}
        # a voice that has spoken cannot be changed, nor be named again (wire-formats section 3.2)
        return Step(frames=[self._updated(replace(settings, voice=None) if same_voice else settings, cleared)])

    def _updated(self, settings: Settings, cleared: Mapping[str, Any] = MappingProxyType({})) -> bytes:
        return dump({"type": "session.update", "session": {**cleared, **sessions.session(self._request, settings, self._shape)}})

    # ------------------------------------------------------------------ frames

    def receive(self, frame: bytes, at: int) -> Step:
        """See `RealtimeWire`. Frames of kinds that are not known say nothing."""
        try:
            raw = mapping(parse(frame))
        except ValueError:
            return Step()
        stem, _, step = string(raw.get("type")).rpartition(".")
        kind = f"{_BETA.get(stem, stem)}.{step}" if stem else step
        if stem.startswith(("response", "input_audio_buffer")):
            self._lived, self._fault = True, None
        if kind in ("session.created", "session.updated"):
            return self._session(mapping(raw.get("session")))
        if kind == "error":
            return self._failed(raw)
        events = list(self._read(kind, raw, at))
        return Step(events, self._next() if kind == "response.done" else [])

    def _read(self, kind: str, raw: Mapping[str, Any], at: int) -> Iterable[Event]:
        answers = self._answers
        match kind:
            case "response.created":
                self._asked = ""
                answers.begun()
            case "response.output_item.added":
                return answers.announced(raw)
            case "response.output_text.delta" | "response.output_text.done":
                return answers.text(raw)
            case "response.output_audio_transcript.delta" | "response.output_audio_transcript.done":
                return answers.transcript(raw)
            case "response.output_audio.delta":
                return answers.audio(raw, at)
            case "response.function_call_arguments.delta" | "response.function_call_arguments.done":
                return answers.arguments(raw)
            case "response.done":
                return answers.done(raw)
            case "output_audio_buffer.started":
                return answers.sounds()
            case "output_audio_buffer.stopped":
                answers.silent(at)
            case "output_audio_buffer.cleared":
                answers.silent(at)
                return answers.interrupted()
            case "conversation.item.truncated":
                return self._truncated(raw)
            case "rate_limits.updated":
                return rate_limits(raw)
        return self._heard(kind, raw, at)

    def _heard(self, kind: str, raw: Mapping[str, Any], at: int) -> Iterable[Event]:
        match kind:
            case "input_audio_buffer.speech_started":
                return [self._hearing.started(raw, at), *(self._silenced(at) if self._settings.interrupt else [])]
            case "input_audio_buffer.speech_stopped":
                return [self._hearing.stopped(raw, at)]
            case "input_audio_buffer.committed":
                self._utterance(raw)
        if kind.startswith("conversation.item.input_audio_transcription."):
            return transcribed(self._utterance(raw), raw)
        return []

    def _truncated(self, raw: Mapping[str, Any]) -> list[Event]:
        """The server has forgotten what nobody heard. Of a call it alone knows how much that was."""
        item = self._items.get(string(raw.get("item_id")))
        played = number(raw.get("audio_end_ms"))
        if self.call and item and played is not None:
            item.cut(int(played))
        return self._answers.interrupted()

    def _silenced(self, at: int) -> list[Event]:
        """The user interrupts an answer, if one is being given, or may still be heard."""
        answers = self._answers
        if not answers.running and at >= answers.sounds_until:
            return []
        answers.sounds_until = at
        return answers.interrupted()

    def _utterance(self, raw: Mapping[str, Any]) -> Item:
        id = string(raw.get("item_id"))
        return self._items.get(id) or self._items.add(Item("user", Grown(next(self._blocks)), id))

    def _session(self, raw: Mapping[str, Any]) -> Step:
        """What the session is. The first time on a connection it is told ours, and what was said before."""
        self._hearing.learn(raw)
        frames: list[bytes] = []
        about = sessions.described(raw)
        if not self.ready:
            self.ready = True
            self._shape = sessions.shape(raw)
            frames = [] if self.call else self._introduced()
            about |= told(renewed=self._renewed, call=self.call)
        events: list[Event] = [] if about == self._about else [Notice("session", about)]
        self._about = {k: v for k, v in about.items() if k not in ("renewed", "call")}
        return Step(events, frames)

    def _introduced(self) -> list[bytes]:
        """What another connection is told: our session, and what was said before."""
        return [self._updated(self._settings), *(self._created(item) for item in self._items.renewed())]

    def _failed(self, raw: Mapping[str, Any]) -> Step:
        """Something went wrong. Most faults leave the session as it was; whether one ended it shows when the connection closes."""
        inner = mapping(raw.get("error"))
        code = string(inner.get("code"))
        if self.call and not self.ready:
            return Step(self.missed(failures.from_object(raw).message))
        if code == EXPIRED:
            self.call = ""
            return Step(self._gone("The provider ends a session after its time; what was said was told to a new one."))
        if code in HARMLESS:
            return Step()
        if code == ACTIVE and inner.get("event_id") == self._last[0]:
            self._asked = ""
            self._due.insert(0, self._last[1])
            return Step(frames=self._next())
        self._fault = failures.from_object(raw)
        events: list[Event] = [fault(self._fault.message, self._fault.code)]
        if self._asked and inner.get("event_id") == self._asked:
            self._asked = ""
            events.append(turned("failed", self._fault.message))
        return Step(events, self._next())

    def _gone(self, why: str) -> list[Event]:
        """The session goes on over another connection."""
        self.renew, self._renewed = True, why
        return [*self._answers.cut(), *([turned("failed", why)] if self._asked else [])]

    def missed(self, why: str) -> list[Event]:
        """See `RealtimeWire`."""
        self.call = ""
        return self._gone(f"The provider's call cannot be listened to: {why}")

    def closed(self, code: int | None, reason: str) -> list[Event]:
        """See `RealtimeWire`. One that was ready and was used is renewed, so that no server makes us connect for ever."""
        if self.renew:
            return []
        if self._lived and self._fault is None and code in RECOVERABLE:
            return self._gone("The connection was lost; what was said was told over a new one.")
        if self.call:
            return self.missed(failures.one_line(reason) or "it has ended.")
        ending = lost(code, failures.one_line(reason)) if self._fault is None else replace(self._fault, stage="close")
        return [*self._answers.cut(), ending]


def _frames(*said: Mapping[str, Any]) -> Step:
    return Step(frames=[dump(frame) for frame in said])
