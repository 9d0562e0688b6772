"""One session of Gemini Live, without I/O (wire-formats section 5.3).

A connection lasts some ten minutes; the session goes on over another one by the newest handle, which is told from time to time. What the
setup said is fixed for a connection, so a change of the session opens another one too.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from ..errors import Refused
from ..events import Event, Notice, Speech
from ..realtime.inputs import Clear, Commit, Input, Interrupt, Join, Played, Respond, Say, Sound, ToolResult, Update
from ..realtime.microphone_clock import MicrophoneClock
from ..realtime.settings import RATE, Settings
from ..request import Request
from . import gemini_live_setup as setups
from . import messages
from .dump import dump
from .gemini_live_failures import ending
from .gemini_live_turn import Turns, usage
from .gemini_request import tool_response
from .messages import Media
from .realtime import RECOVERABLE, Step, fault, told
from .untrusted import mapping, parse, string

HEARD_RATE = 16_000
"""Samples a second that Gemini works with; it takes others and says so itself."""

_SPEECH = {
    "ACTIVITY_START": "started", "ACTIVITY_END": "stopped", "VAD_SIGNAL_TYPE_SOS": "started", "VAD_SIGNAL_TYPE_EOS": "stopped",
}  # fmt: skip

_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


class GeminiLiveWire:
    """See `RealtimeWire`.

    Parameters
    ----------
    request : what is asked for; its messages are what was said before.

    Raises
    ------
    Refused : a setting, an option or a message cannot be said.
    """

    def __init__(self, request: Request) -> None:
        self.ready = False
        self.renew = False
        self.call = ""
        self._request = request
        self._settings = request.session or Settings()
        self._before = setups.history(request)
        self._history_only = setups.history_only(request.name)
        setups.setup(request, self._settings, "")
        blocks = count(1)
        self._turns = Turns(lambda: next(blocks))
        self._handle = ""
        self._renewed = ""
        self._opened()

    def _opened(self) -> None:
        """Forget what holds for one connection."""
        self.ready = self.renew = False
        self._clock = MicrophoneClock()
        self._activity = False
        self._committed = False
        self._leaving = False
        self._lived = False

    @property
    def waiting(self) -> bool:
        """See `RealtimeWire`. What waits for a tool's result is the user's."""
        return not self.ready or self._turns.open

    def opening(self) -> list[bytes]:
        """The setup, with the newest handle where there is one."""
        self._opened()
        return [dump({"setup": setups.setup(self._request, self._settings, self._handle)})]

    # ------------------------------------------------------------------ inputs

    def say(self, given: Input, at: int) -> Step:
        """See `RealtimeWire`."""
        match given:
            case Sound():
                return self._sound(given, at)
            case Commit():
                return self._commit()
            case Clear():
                return self._clear()
            case Say() if self._history_only:
                return self._said(given)
            case Say():
                return self._turn([*_pictures(given), *([{"text": given.text}] if given.text else [])], given.respond)
            case ToolResult():
                return self._result(given)
            case Respond():
                return self._respond(given)
            case Interrupt():
                return self._interrupt()
            case Update():
                return self._update(given)
            case Played() | Join():
                return Step()

    def _sound(self, given: Sound, at: int) -> Step:
        """Sound at the rate that it has; where turns are told by us, one begins with it."""
        audio = {"data": base64.b64encode(given.pcm).decode(), "mimeType": f"audio/pcm;rate={given.rate}"}
        frames: list[dict[str, Any]] = [{"audio": audio}]
        if self._settings.turn_detection == "none" and not self._activity:
            self._activity = True
            frames.insert(0, {"activityStart": {}})
        self._clock.sent(given.seconds, at)
        return Step(frames=[dump({"realtimeInput": frame}) for frame in frames])

    def _commit(self) -> Step:
        """The user has finished. A turn that we tell ends when its answer is asked for, since Gemini answers its end."""
        if self._settings.turn_detection == "none":
            return Step()
        self._committed = True
        return _frame({"realtimeInput": {"audioStreamEnd": True}})

    def _clear(self) -> Step:
        """There is nothing to forget before a turn that we tell has begun."""
        if self._settings.turn_detection == "none" and not self._activity:
            return Step()
        return Step([fault("Gemini Live cannot forget what it has heard: say it anew.")])

    def _said(self, given: Say) -> Step:
        """In writing, to a model that takes no `clientContent` any more: pictures as of a camera, and words that it answers."""
        frames: list[dict[str, Any]] = [{"video": picture["inlineData"]} for picture in _pictures(given)]
        frames += [{"text": given.text}] if given.text else []
        self._turns.open = self._turns.open or bool(given.text)
        notices: list[Event] = [] if given.respond else [fault("This model answers everything that is written to it.")]
        return Step(notices, [dump({"realtimeInput": frame}) for frame in frames])

    def _turn(self, parts: list[dict[str, Any]], complete: bool) -> Step:
        self._turns.open = self._turns.open or complete
        turns = [{"role": "user", "parts": parts}] if parts else []
        return _frame({"clientContent": {"turns": turns, "turnComplete": complete}})

    def _respond(self, given: Respond) -> Step:
        notices: list[Event] = []
        if given.output not in (None, self._settings.output):
            notices = [fault("Gemini Live gives all answers of a connection in one form: change 'output' of the session.")]
        if self._activity:
            self._activity, self._turns.open = False, True
            return Step(notices, [dump({"realtimeInput": {"activityEnd": {}}})])
        if self._committed:
            self._committed = False
            return Step(notices)
        if self._history_only and not given.instructions:
            return Step([*notices, fault("This model answers what is said or written to it, and cannot be asked for an answer alone.")])
        if self._history_only:
            return Step(notices, self._said(Say(given.instructions or "")).frames)
        return Step(notices, self._turn([{"text": given.instructions}] if given.instructions else [], True).frames)

    def _result(self, given: ToolResult) -> Step:
        name = self._turns.calls.pop(given.id, None)
        if name is None:
            return Step([fault("A tool's result came for a call that nobody made, or that was taken back.")])
        self._turns.open = self._turns.open or not self._turns.calls
        result = {"id": given.id, "name": name, "response": tool_response(given.output)}
        return _frame({"toolResponse": {"functionResponses": [result]}})

    def _interrupt(self) -> Step:
        """Content from the client interrupts; there is no message for that alone, and none that says how much was heard. A model that takes
        no such content goes on unheard.
        """
        if not self._turns.open and not self._turns.calls:
            return Step()
        self._turns.calls.clear()
        return Step(self._turns.leave(), [] if self._history_only else [dump({"clientContent": {"turnComplete": False}})])

    def _update(self, given: Update) -> Step:
        """A change holds from the next connection on, so there is to be one, if the session can be taken there."""
        try:
            settings = self._settings.changed(given.settings)
            request = self._request if given.system is None else replace(self._request, system=given.system)
            request = request if given.tools is None else replace(request, tools=given.tools)
            setups.setup(request, settings, self._handle)
        except Refused as e:
            return Step([Notice("session", {"refused": e.message})])
        if not self._handle:
            return Step([Notice("session", {"refused": "Gemini Live cannot change a session before its first answer: wait for it."})])
        self._settings, self._request = settings, request
        return Step(self._gone("The session was changed, for which Gemini needs a new connection."))

    # ------------------------------------------------------------------ frames

    def receive(self, frame: bytes, at: int) -> Step:
        """See `RealtimeWire`. Several fields may stand in one frame; those that are not known say nothing."""
        try:
            raw = mapping(parse(frame))
        except ValueError:
            return Step()
        step = self._setup_complete(mapping(raw["setupComplete"])) if "setupComplete" in raw and not self.ready else Step()
        content = mapping(raw.get("serverContent"))
        self._lived = self._lived or bool(content or raw.get("toolCall"))
        step.events += [*self._heard(raw), *self._turns.content(content), *self._turns.called(mapping(raw.get("toolCall")))]
        step.events += self._taken_back(raw)
        step.events += usage(raw.get("usageMetadata"))
        if content.get("turnComplete") is True:
            step.events += self._turns.ended(content)
        step.events += self._resumption(raw)
        return step

    def _setup_complete(self, raw: Mapping[str, Any]) -> Step:
        self.ready = True
        rates = {"input": HEARD_RATE, "output": RATE}
        about = told(model=self._request.name, voice=self._settings.voice, rates=rates, renewed=self._renewed)
        before = [dump(self._before)] if self._before and not self._handle else []
        return Step([Notice("session", about)], before)

    def _heard(self, raw: Mapping[str, Any]) -> list[Event]:
        """What Gemini's detector says, where it says anything."""
        out: list[Event] = []
        signal = mapping(raw.get("voiceActivityDetectionSignal"))
        activity = mapping(raw.get("voiceActivity"))
        place = _SECONDS.fullmatch(string(activity.get("audioOffset")))
        for kind in (signal.get("vadSignalType"), activity.get("voiceActivityType")):
            if (state := _SPEECH.get(string(kind))) == "started":
                out.append(Speech("started", self._clock.at(float(place[1]) * 1000) if place else None))
            elif state == "stopped":
                out.append(Speech("stopped", self._clock.at(float(place[1]) * 1000) if place else None))
        return out

    def _taken_back(self, raw: Mapping[str, Any]) -> list[Event]:
        """Calls whose results are not wanted any more, after a barge-in."""
        ids = mapping(raw.get("toolCallCancellation")).get("ids")
        gone = [id for id in ids if isinstance(id, str)] if isinstance(ids, list) else []
        for id in gone:
            self._turns.calls.pop(id, None)
        return [Notice("tool_cancelled", {"ids": gone})] if gone else []

    def _resumption(self, raw: Mapping[str, Any]) -> list[Event]:
        """Keep the newest handle; go when we are told to and nothing is lost by it: at the latest the closing of the connection says so."""
        update = mapping(raw.get("sessionResumptionUpdate"))
        newer = string(update.get("newHandle")) if update.get("resumable") is True else ""
        self._handle = newer or self._handle
        told_to = "goAway" in raw
        idle = bool(self._handle) and not self._turns.open and not self._turns.calls and not self._activity
        if idle and (told_to or (self._leaving and newer)) and not self.renew:
            return self._gone("Gemini ends a connection after some ten minutes; the session was resumed over a new one.")
        self._leaving = self._leaving or told_to
        return []

    def _gone(self, why: str) -> list[Event]:
        """The session goes on over another connection."""
        self.renew, self._renewed = True, why
        self._turns.calls.clear()
        return self._turns.cut()

    def missed(self, why: str) -> list[Event]:
        """See `RealtimeWire`: there are no calls."""
        return []

    def closed(self, code: int | None, reason: str) -> list[Event]:
        """See `RealtimeWire`. A session that was used and has a handle is resumed; one that fails at once would fail again."""
        if self.renew:
            return []
        if self._handle and (self._leaving or (self._lived and code in RECOVERABLE)):
            return self._gone("The connection was lost; the session was resumed over a new one.")
        return [*self._turns.cut(), ending(code, reason)]


def _frame(said: Mapping[str, Any]) -> Step:
    return Step(frames=[dump(said)])


def _pictures(given: Say) -> list[dict[str, Any]]:
    found = messages.parts([{"type": "image_url", "image_url": url} for url in given.images])
    return [{"inlineData": {"mimeType": part.mime, "data": part.data}} for part in found if isinstance(part, Media)]
