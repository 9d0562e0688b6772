"""OpenAI's realtime protocol, the generally available one, over a voice session of any host. No I/O.

A client's event becomes our inputs; our journal's events become the server's (wire-formats sections 3.2 to 3.6). A response begins with
the first piece of an answer, or with its end where it has no piece.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from ..dialects.untrusted import mapping, parse, string
from ..errors import Refused
from ..events import Audio, Entry, Error, Event, Notice, Refusal, Speech, Text, Tool, Transcript, Usage
from ..realtime.base import MICROPHONE
from ..realtime.inputs import SOUND_BYTES, Clear, Commit, Input, Interrupt, Respond, Sound
from ..realtime.settings import RATE
from ..realtime.tracks import Change
from .base import Naming, refuse
from .realtime_items import Items
from .realtime_response import Frame, Piece, Response
from .realtime_session import Session, output_of

APPEND_BYTES = 15 * 2**20
"""The most sound in one event of a client's (wire-formats section 3.3)."""

_ONE_RESPONSE: Mapping[str, tuple[Any, ...]] = {
    "conversation": ("auto",),
    "max_output_tokens": ("inf",),
    "tool_choice": ("auto",),
    "metadata": ({},),
}
"""Fields of a response that cannot be chosen, and the values beside null that choose nothing."""


class Wrong(Refused):
    """A client's event that OpenAI answers with a code of its own."""

    def __init__(self, told: str, message: str) -> None:
        super().__init__("bad_request", message)
        self.told = told


class Conversation:
    """One connection's side of a session.

    Parameters
    ----------
    id : of the stream.
    model : as asked for, `host/model`.
    session : as it began.
    take : gives the session an input; raises `Refused` like `Stream.take`.
    own_voices : whether the host has OpenAI's voices.
    sound : whether sound travels in events; over WebRTC it is on tracks.
    """

    def __init__(
        self, id: str, model: str, session: Session, take: Callable[[Input], None], own_voices: bool = True, sound: bool = True
    ) -> None:
        self.session = session
        self._id = f"sess_{id}"
        self._model = model
        self._take = take
        self._own_voices = own_voices
        self._sound = sound
        self._naming = Naming(id, model.split("/")[0])
        self._events = count(1)
        self._responses = count(1)
        self._expires_at: int | None = None
        self._before = session
        self.items = Items()
        self._blocks: dict[str, int] = {}
        self._sounding: dict[int, tuple[str, str]] = {}
        self._response: Response | None = None
        self._asked: Respond | None = None
        self._awaited = False
        self._cancelled = False
        self._bytes = 0
        self._uncommitted = 0
        self._speech: tuple[str, int] | None = None
        self._unwritten: deque[tuple[Frame, float]] = deque()
        self._written: dict[int, tuple[Frame, float]] = {}

    def opened(self) -> list[Frame]:
        """What the client is told first."""
        return self._stamped([{"type": "session.created", "session": self._told()}])

    def receive(self, message: str) -> list[Frame]:
        """Carry out a client's event; what it is told at once."""
        try:
            given = mapping(parse(message))
        except ValueError:
            return self._stamped([_failure(refuse("An event is a JSON object."), None)])
        try:
            return self._stamped(self._carried_out(given))
        except Refused as e:
            return self._stamped([_failure(e, string(given.get("event_id")) or None)])

    def encode(self, entry: Entry) -> list[Frame]:
        """What the client is told of an event of the session's."""
        return self._stamped(self._told_of(self._naming(entry.event), entry.at))

    def buffer(self, change: Change) -> list[Frame]:
        """What the client is told of the sound that goes to it over a track."""
        if change.block not in self._sounding:
            return []
        response, item = self._sounding[change.block]
        out: list[Frame] = [{"type": f"output_audio_buffer.{change.kind}", "response_id": response}]
        if change.kind == "cleared":
            out.append({"type": "conversation.item.truncated", "item_id": item, "content_index": 0, "audio_end_ms": change.played_ms})
        return self._stamped(out)

    def _stamped(self, frames: list[Frame]) -> list[Frame]:
        return [{**frame, "event_id": f"event_{next(self._events)}"} for frame in frames]

    def _told(self) -> Frame:
        return self.session.body(self._id, self._model, self._expires_at)

    # ------------------------------------------------------------------ the client's events

    def _carried_out(self, given: Mapping[str, Any]) -> list[Frame]:
        match string(given.get("type")):
            case "session.update":
                return self._update(given)
            case "input_audio_buffer.append" if self._sound:
                return self._append(given)
            case "input_audio_buffer.commit":
                return self._commit()
            case "input_audio_buffer.clear":
                self._take(Clear())
                self._uncommitted = 0
                return [{"type": "input_audio_buffer.cleared"}]
            case "conversation.item.create":
                body, input = self.items.made(given)
                self._take(input)
                return self.items.entered(body)
            case "conversation.item.retrieve":
                return [{"type": "conversation.item.retrieved", "item": self.items.get(given.get("item_id"))}]
            case "conversation.item.truncate":
                return self._truncate(given)
            case "response.create":
                return self._create(given)
            case "response.cancel":
                return self._cancel()
        raise refuse(f"An event of the type {string(given.get('type'))[:64]!r} cannot be carried out here.")

    def _update(self, given: Mapping[str, Any]) -> list[Frame]:
        session = self.session.changed(given.get("session"), self._own_voices)
        self._take(session.update(self.session))
        self._before, self.session = self.session, session
        return [{"type": "session.updated", "session": self._told()}]

    def _append(self, given: Mapping[str, Any]) -> list[Frame]:
        try:
            pcm = base64.b64decode(string(given.get("audio")), validate=True)
        except ValueError:  # of characters that are none of base64's, too
            raise refuse("'audio' is base64.") from None
        if len(pcm) > APPEND_BYTES or len(pcm) % 2:
            raise refuse(f"Sound comes in whole 16-bit samples, at most {APPEND_BYTES} bytes at once.")
        for start in range(0, len(pcm), SOUND_BYTES):
            self.hear(Sound(pcm[start : start + SOUND_BYTES], RATE))
        return []

    def hear(self, sound: Sound) -> None:
        """Take the user's sound, at `RATE`. Raises `Refused` like `Stream.take`."""
        self._take(sound)
        self._bytes += len(sound.pcm)
        self._uncommitted += len(sound.pcm)

    def _commit(self) -> list[Frame]:
        if self._sound and not self._uncommitted:
            raise Wrong("input_audio_buffer_commit_empty", "There is no sound that was not committed yet: append some first.")
        self._take(Commit())
        return self._committed(self.items.name(), self._uncommitted / 2 / RATE)

    def _committed(self, id: str, seconds: float) -> list[Frame]:
        """The user's turn has ended."""
        self._uncommitted = 0
        content = {"type": "input_audio", "transcript": None}
        body: Frame = {"id": id, "type": "message", "status": "completed", "role": "user", "content": [content]}
        self._unwritten.append((body, seconds))
        before = self.items.last
        return [{"type": "input_audio_buffer.committed", "previous_item_id": before, "item_id": id}, *self.items.entered(body)]

    def _truncate(self, given: Mapping[str, Any]) -> list[Frame]:
        played, id = given.get("audio_end_ms"), string(given.get("item_id"))
        if type(played) is not int or played < 0:
            raise refuse("'audio_end_ms' is a whole number of ms, from 0 up.")
        if id not in self._blocks:
            raise Wrong("item_truncate_invalid_item_id", "Only an answer with sound can be truncated: 'item_id' names none.")
        self._take(Interrupt(self._blocks[id], played))
        return [{"type": "conversation.item.truncated", "item_id": id, "content_index": 0, "audio_end_ms": played}]

    def _create(self, given: Mapping[str, Any]) -> list[Frame]:
        if self._response or self._asked:
            raise Wrong("conversation_already_has_active_response", "A response is in progress: wait for its end, or cancel it.")
        asked = mapping(given.get("response"))
        for name, value in asked.items():
            if name not in ("instructions", "output_modalities") and value is not None and value not in _ONE_RESPONSE.get(name, ()):
                raise refuse(f"'response.{name}' cannot be chosen for one response here: leave it out, or change the session.")
        respond = Respond(string(asked.get("instructions")) or None, output_of(asked))
        self._take(respond)
        self._asked = respond
        return []

    def _cancel(self) -> list[Frame]:
        if not (self._response or self._asked or self._awaited):
            raise Wrong("response_cancel_not_active", "There is no response in progress that could be cancelled.")
        self._take(Interrupt())
        self._cancelled = True
        return []

    # ------------------------------------------------------------------ the session's events

    def _told_of(self, event: Event, at: int) -> list[Frame]:
        match event:
            case Speech():
                return self._spoke(event, at)
            case Transcript(role="user"):
                return [] if event.block == MICROPHONE else self._heard(event)
            case Audio(role="user"):
                return []
            case Text() | Refusal() | Transcript() | Audio() | Tool():
                return self._piece(event)
            case Usage():
                return self._counted(event)
            case Notice(kind="turn"):
                return self._ended(event.data)
            case Notice(kind="session"):
                return self._changed(event.data)
            case Error():
                return [_told_failure(event.code, event.message, None)]
        return []

    def _spoke(self, event: Speech, at: int) -> list[Frame]:
        """The user's speech. A place in the sound is told from the sound's end: how long ago the moment was."""
        if event.state == "interrupted":
            return []
        ms = max(0, self._bytes * 500 // RATE - (at - (at if event.since is None else event.since)) // 1000)
        if event.state == "started":
            self._speech = self.items.name(), ms
            return [{"type": "input_audio_buffer.speech_started", "audio_start_ms": ms, "item_id": self._speech[0]}]
        id, began = self._speech or (self.items.name(), ms)
        self._speech, self._awaited = None, self.session.settings.respond
        end = ms + (self.session.settings.silence_ms or 0)  # OpenAI's place has the silence in it that the session tells of
        stopped = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": end, "item_id": id}
        return [stopped, *self._committed(id, max(0, ms - began) / 1000)]

    def _heard(self, event: Transcript) -> list[Frame]:
        """The user's words. They belong to the oldest turn that has none yet."""
        if event.block not in self._written:
            if not self._unwritten:
                return []
            self._written[event.block] = self._unwritten.popleft()
        body, seconds = self._written[event.block]
        about = {"item_id": body["id"], "content_index": 0}
        kind = "conversation.item.input_audio_transcription"
        part = body["content"][0]
        part["transcript"] = (part["transcript"] or "") + event.delta
        out = [{"type": f"{kind}.delta", **about, "delta": event.delta}] if event.delta else []
        if event.final:
            del self._written[event.block]
            out.append(
                {"type": f"{kind}.completed", **about, "transcript": part["transcript"], "usage": {"type": "duration", "seconds": seconds}}
            )
        return out

    def _begun(self) -> list[Frame]:
        """An answer begins, unless one has."""
        if self._response:
            return []
        output = self._asked.output if self._asked else None
        modalities = [output] if output else self.session.modalities
        self._response = Response(f"resp_{next(self._responses)}", modalities, self.items.name, self.items.add, self._sound)
        self._asked, self._awaited = None, False
        return [self._response.created()]

    def _piece(self, event: Piece) -> list[Frame]:
        out = self._begun()
        assert self._response  # noqa: S101 (it has begun)
        out += self._response.piece(event)
        if isinstance(event, Transcript | Audio):
            item = self._response.items[event.block].id
            self._blocks[item] = event.block
            self._sounding[event.block] = self._response.id, item
        return out

    def _counted(self, event: Usage) -> list[Frame]:
        out = self._begun()
        assert self._response  # noqa: S101 (it has begun)
        self._response.take(event)
        return out

    def _ended(self, data: Mapping[str, Any]) -> list[Frame]:
        out = self._begun()
        assert self._response  # noqa: S101 (it has begun)
        status = string(data.get("status")) or "completed"
        out += self._response.done(status, self._details(status, string(data.get("message"))))
        self._response, self._cancelled = None, False
        return out

    def _details(self, status: str, message: str) -> Frame | None:
        if status == "completed":
            return None
        why: Frame = {"error": {"type": "server_error", "code": f"response_{status}", "message": message}} if message else {}
        reason = {"reason": "client_cancelled" if self._cancelled else "turn_detected"} if status == "cancelled" else {}
        return {"type": status, **reason, **why}

    def _changed(self, data: Mapping[str, Any]) -> list[Frame]:
        """The session is known better, or does not take the last change."""
        if (expires := data.get("expires_at")) is not None and isinstance(expires, int | float):
            self._expires_at = int(expires)
        if (refused := string(data.get("refused"))) == "":
            return []
        self.session = self._before
        return [_told_failure("bad_request", refused, None)]


def _failure(refused: Refused, event_id: str | None) -> Frame:
    code = refused.told if isinstance(refused, Wrong) else refused.code
    return _told_failure(code, refused.message, event_id)


def _told_failure(code: str, message: str, event_id: str | None) -> Frame:
    """An error: the client's own where it names the client's event or says what the client may not do."""
    kind = "server_error" if code in ("internal", "connection", "protocol", "timeout", "overloaded") else "invalid_request_error"
    return {"type": "error", "error": {"type": kind, "code": code, "message": message, "param": None, "event_id": event_id}}
