"""A microphone in a page: talk with a model, or only record."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, get_args

import traitlets

from .. import api, mic_card
from ..clients.rest import Rest
from ..comm import Answer
from ..errors import Refused
from ..output import Bundle
from ..realtime import clips as shipped
from ..realtime import session as sessions
from ..realtime.clip import SHOWN_BYTES, Clip
from ..realtime.inputs import Sound, parse
from ..realtime.session import Session
from ..realtime.settings import RATE, Output, Settings
from ..realtime.spoken import SpokenTurn
from ..tools import Toolbox, ToolLike
from ..transports import TRANSPORTS
from .base import STATIC, RunsWidget

Way = Literal["auto", "worklet", "webrtc", "provider"]
"""How the page's sound travels."""

GIVEN = "given"
"""Name of the clip that was given, beside those of the shipped ones."""

RECORDED_BYTES = 60 * 2**20
"""The most that is recorded as one clip: more than ten minutes at 48 kHz, where the page ends it."""

NO_SERVER = (
    "This kernel knows no Jupyter server that could show such a page. Run `jupyter lab` in a terminal on your own machine, and this "
    "notebook in it; or open tokenwidgets/mic below that server's address in a browser, and talk there."
)

TALKS = 50
"""Sessions of one widget; to begin one more, the cell is run again."""


class Mic(RunsWidget):
    """Talk with a model: level, words, states and latencies of each turn, as they are; or record a clip.

    The page asks this kernel to begin a session, and then speaks in it by itself, over the best way it has to the server. No sound and no
    word is in a trait.

    Parameters
    ----------
    begin : begins a session with what was said before and who finds the end of a turn; None for a recorder, which nobody answers.
    model : who is talked to.
    clip : heard in place of a microphone.
    traits : `hands_free`, `path`.
    transport : how the page reads.
    """

    _esm = STATIC / "mic.js"
    _css = STATIC / "mic.css"
    parts = ("mic-worklet",)

    model = traitlets.Unicode("", help="Who is talked to.").tag(sync=True)
    record = traitlets.Bool(False, help="Whether sound is only kept, and nobody answers.").tag(sync=True)
    hands_free = traitlets.Bool(True, help="Whether a turn's end is found, or told by letting the button go.").tag(sync=True, moved=True)
    interrupt = traitlets.Bool(True, help="Whether speech ends an answer.").tag(sync=True)
    path = traitlets.Enum(get_args(Way), "auto", help="How the page's sound is to travel.").tag(sync=True)
    clips = traitlets.Dict(help="Clips that can be heard in place of a microphone: names, and what they are called.").tag(sync=True)
    with_clip = traitlets.Bool(False, help="Whether the first of them is heard from the start.").tag(sync=True)

    def __init__(
        self, begin: Callable[..., Session] | None, model: str = "", clip: Clip | None = None, transport: str = "auto", **traits: Any
    ) -> None:
        self.sessions: list[Session] = []
        self._begin = begin
        self._clip = clip
        self._transport = transport
        self._tape = bytearray()
        self._rate = RATE
        names = ({GIVEN: "The clip of this cell"} if clip else {}) | dict(shipped.WORDS)
        operations = {
            "talk": self._talk,
            "companion": self._companion,
            "clip": self._clip_named,
            "record": self._record,
            "heard": self._heard,
            "recorded": self._recorded,
        }
        super().__init__(operations=operations, model=model, record=begin is None, clips=names, with_clip=clip is not None, **traits)

    # ------------------------------------------------------------------ what was said

    @property
    def session(self) -> Session | None:
        """The newest session, or None before there is one."""
        return self.sessions[-1] if self.sessions else None

    @property
    def audio(self) -> Clip:
        """What was heard: in the newest session, or by the recorder. Over the path `provider` the sound is not kept."""
        if self.record:
            return Clip(bytes(self._tape), self._rate)
        return self.session.heard if self.session else Clip(b"", RATE)

    @property
    def said(self) -> Clip:
        """The answers' sound, of the newest session."""
        return self.session.said if self.session else Clip(b"", RATE)

    @property
    def turns(self) -> list[SpokenTurn]:
        """What was said, turn by turn, of all sessions."""
        return [turn for session in self.sessions for turn in session.turns]

    @property
    def words(self) -> list[tuple[str, str]]:
        """The same as `("user", words)` and `("assistant", words)`."""
        return [pair for session in self.sessions for pair in session.words]

    def stop(self) -> None:
        """End the session that is open; the page gives its microphone back."""
        for session in self.sessions:
            if not session.done:
                session.stop()

    def close(self) -> None:
        """End the session that is open, and the widget."""
        self.stop()
        super().close()

    # ------------------------------------------------------------------ what the page asks for

    async def _talk(self, _: Mapping[str, Any]) -> Answer:
        """Begin a session, which goes on from what was said in those before it; or join the one that is open."""
        if self._begin is None:
            raise Refused("bad_request", "This widget records, and nobody answers: tw.mic() makes one that does.")
        if self.session is None or self.session.done:
            if len(self.sessions) >= TALKS:
                raise Refused("limit", f"One microphone holds at most {TALKS} sessions: run the cell again.")
            self._add(self._begin(messages=self._before(), turn_detection="server" if self.hands_free else "none"))
        return {"stream": await self.sessions[-1].stream()}

    async def _companion(self, content: Mapping[str, Any]) -> Answer:
        """Begin or join a session that a page of its own is to speak in; and where the server is, as this kernel knows it."""
        here = self.session.result.gateway if self.session and not self.session.done else api.gateway()
        if not isinstance(here, Rest):
            raise Refused("not_found", NO_SERVER)
        return {**(await self._talk(content) or {}), "base": here.server.url}

    def _before(self) -> list[dict[str, str]] | None:
        """What was said in the sessions before; of an answer that was interrupted, what was heard of it."""
        sides = [pair for turn in self.turns for pair in (("user", turn.heard), ("assistant", turn.reached))]
        return [{"role": who, "content": words} for who, words in sides if words.strip()] or None

    def _add(self, session: Session) -> None:
        session.result.wanted = session.result.transport = self._transport
        self.sessions.append(session)
        self.add(session.result)

    async def _clip_named(self, content: Mapping[str, Any]) -> Answer:
        """A clip as a WAV file."""
        name = content.get("name")
        if name not in self.clips:
            raise Refused("not_found", "There is no clip of this name.")
        wav = self._clip.wav() if name == GIVEN and self._clip else shipped.clip(name).path.read_bytes()
        return {"data": base64.b64encode(wav).decode()}

    async def _record(self, _: Mapping[str, Any]) -> Answer:
        self._tape.clear()
        return None

    async def _heard(self, content: Mapping[str, Any]) -> Answer:
        sound = parse({"type": "audio", "delta": content.get("delta"), "rate": content.get("rate")})
        if isinstance(sound, Sound) and self.record and len(self._tape) + len(sound.pcm) <= RECORDED_BYTES:
            self._rate = sound.rate
            self._tape += sound.pcm
        return None

    async def _recorded(self, _: Mapping[str, Any]) -> Answer:
        self.refresh()
        return None

    # ------------------------------------------------------------------ the widget

    def static(self) -> Bundle:
        """See `Widget.static`."""
        if self.record:
            return mic_card.recorded(self.audio)
        return mic_card.bundle([session.result for session in self.sessions], self.model)


def mic(
    model: str | None = None,
    *,
    system: str | None = None,
    tools: Iterable[ToolLike] | None = None,
    voice: str | None = None,
    output: Output = "audio",
    hands_free: bool = True,
    path: Way = "auto",
    transport: str = "auto",
    clip: Any = None,
    record: bool = False,
    **settings: Any,
) -> Mic:
    """A microphone: press the button, speak, hear the answer, interrupt it. What was said is then Python data.

    Parameters
    ----------
    model : `host/model`, an alias, or None: the voice of this machine where it can run, else the simulator's.
    system : instructions.
    tools : functions, which are called in this kernel; definitions, which are only declared.
    voice : by the provider's own name.
    output : whether answers are spoken (`audio`) or written (`text`).
    hands_free : whether the end of a turn is found, or told by letting the button go.
    path : how the page's sound travels: as samples over its socket (`worklet`); as a WebRTC track to the server (`webrtc`); or as one to
        the provider itself (`provider`: of hosts that speak OpenAI's Realtime), whose events still come by the server, so that words and
        latencies are known, but no sound is kept. A track is given up for samples where it does not connect. `auto` takes samples, which
        are there sooner.
    transport : how the page reads: auto, sse, ws, webrtc, webrtc-ordered, webrtc-unordered or comm.
    clip : heard in place of a microphone: a `Clip`, or what `Clip.open` opens.
    record : only keep what is heard, as `audio`; nobody answers.
    settings : of the session, further ones: `silence_ms`, `interrupt`, `respond`.

    Raises
    ------
    Refused : a setting, a tool or a transport is none; the clip is no sound, or too long.
    """
    if transport not in TRANSPORTS:
        raise Refused("bad_request", f"There is no transport {transport!r}: it is one of {', '.join(TRANSPORTS)}.")
    if path not in get_args(Way):
        raise Refused("bad_request", f"There is no path {path!r}: it is {', '.join(get_args(Way))}.")
    heard = None if clip is None else _clip(clip)
    if record:
        return Mic(None, clip=heard)
    chosen = {**settings, "output": output, **({"voice": voice} if voice else {})}
    Settings().changed(chosen)
    functions = list(tools or ())
    Toolbox(functions)
    api.gateway()
    name = model or sessions.default_model()
    begin = partial(sessions.talk, name, system=system, tools=functions, **chosen)
    return Mic(begin, name, heard, transport, hands_free=hands_free, path=path, interrupt=bool(settings.get("interrupt", True)))


def _clip(sound: Any) -> Clip:
    clip = Clip.open(sound)
    if len(clip.pcm) > SHOWN_BYTES:
        raise Refused("limit", f"A clip in place of a microphone has at most {SHOWN_BYTES // 2**20} MiB: give a shorter one.")
    return clip
