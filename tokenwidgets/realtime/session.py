"""A voice session, seen from the kernel: what was said is Python data, and Python can speak in it."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .. import api, images
from ..clients.base import Disconnected, Gateway
from ..errors import Refused
from ..events import Audio, Error, Event, Speech
from ..interrupts import reading
from ..portal import portal, wait
from ..result import STOP_SECONDS, Result
from ..tools import Toolbox, ToolLike
from ..waiting import Waitable
from .calls import Calls
from .clip import Clip
from .inputs import Clear, Commit, Input, Interrupt, Respond, Say, Sound, Update
from .own import OWN, WithVoice
from .parts import Voice
from .said import sound_ms
from .settings import RATE, Settings
from .spoken import SpokenTurn, spoken

if TYPE_CHECKING:
    import pandas

PIECE_SECONDS = 0.04
"""How much sound goes at once."""

SILENCE_SECONDS = 30.0
"""How long silence goes on behind a clip, as from a microphone, for its end to be found."""

HEARD_SECONDS = 0.5
"""How long behind a clip's end speech in it may still begin to be heard."""

TURN_SECONDS = 120.0
"""Longest wait for a turn."""

Saying = Callable[[Clip, asyncio.Event], Coroutine[Any, Any, None]]
"""Says a clip and then silence until it is cancelled; sets the event when the end of speech can have been heard."""


class Session(Waitable):
    """A voice session.

    It is a stream that takes input: `result` has its events like those of any other, `turns` what they say. Whoever reads it may speak in
    it, so the same session is held from a page's microphone and from here.

    Parameters
    ----------
    result : its stream.
    tools : functions, which are called in this kernel when the model asks; definitions, which are only declared.
    """

    def __init__(self, result: Result, tools: Toolbox | None = None) -> None:
        super().__init__()
        self.result = result
        self._calls = Calls(result, tools or Toolbox(), self._give)
        self._seen = 0
        self._sounds_until = 0.0
        result.watch(self._news)

    def __repr__(self) -> str:
        state = "ended" if self.done else "open"
        return f"<voice session with {self.result.model or 'the default model'}: {state}, turns {len(self.turns)}>"

    # ------------------------------------------------------------------ life

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self.result.done

    def wait(self, timeout: float | None = None) -> Session:
        """Return when it has ended, or `timeout` seconds have passed."""
        self.result.wait(timeout)
        return self

    def stop(self) -> None:
        """End it; what was said is kept."""
        self.result.stop()

    close = stop

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _ended(self) -> Session:
        await self.result
        return self

    def code(self, language: str = "python") -> str:
        """One turn of such a session as a program without this package, in `python` or `javascript`; see `tokenwidgets.code.code`."""
        return self.result.code(language)

    @property
    def error(self) -> Error | None:
        """Why it failed, or None."""
        return self.result.error

    # ------------------------------------------------------------------ what was said

    @property
    def turns(self) -> list[SpokenTurn]:
        """What was said so far, with how long each step took."""
        return spoken(list(self.result.journal.entries))

    @property
    def words(self) -> list[tuple[str, str]]:
        """The same as `("user", words)` and `("assistant", words)`."""
        sides = [pair for turn in self.turns for pair in (("user", turn.heard), ("assistant", turn.said))]
        return [(who, words) for who, words in sides if words]

    @property
    def heard(self) -> Clip:
        """The user's sound."""
        return self._sound("user")

    @property
    def said(self) -> Clip:
        """The answers' sound, one behind the other."""
        return self._sound("assistant")

    def _sound(self, role: str, block: int | None = None) -> Clip:
        pieces = [e.event for e in self.result.journal.entries if isinstance(e.event, Audio) and e.event.role == role and e.event.delta]
        chosen = [piece for piece in pieces if block is None or piece.block == block]
        rate = (chosen[0].rate if chosen else None) or RATE
        return Clip.joined((Clip(base64.b64decode(piece.delta), piece.rate or rate) for piece in chosen), rate)

    def sound_of(self, turn: SpokenTurn) -> Clip:
        """The sound of one turn's answer."""
        return self._sound("assistant", -1 if turn.block is None else turn.block)

    @property
    def latencies(self) -> pandas.DataFrame:
        """One row a turn in which was spoken: its stages and their sum, ms (needs pandas)."""
        import pandas

        rows = [
            {"heard": turn.heard, **{stage.title: stage.us / 1000 for stage in turn.stages}, "in all": turn.latency and turn.latency / 1000}
            for turn in self.turns
            if turn.spoken
        ]
        return pandas.DataFrame(rows)

    # ------------------------------------------------------------------ speaking in it

    def give(self, *given: Input) -> None:
        """Give it inputs (`tokenwidgets.realtime.inputs`).

        Raises
        ------
        Refused : it does not take them, or is not to be reached.
        """
        portal().run(self._give(*given), STOP_SECONDS)

    async def stream(self) -> str:
        """Its id, once it has begun; to be awaited on the portal.

        Raises
        ------
        Refused : it did not begin.
        """
        stream = await asyncio.shield(asyncio.wrap_future(self.result._named))
        if not stream:
            raise Refused("not_found", self.error.message if self.error else "The session did not begin.")
        return stream

    async def _give(self, *given: Input) -> None:
        stream = await self.stream()
        try:
            await self.result.gateway.input(stream, given)
        except Disconnected as e:
            raise Refused("connection", str(e)) from None

    def say(self, text: str, pictures: Iterable[Any] = (), respond: bool = True) -> None:
        """Say something in writing, with pictures where the model takes them; an answer that still sounds is interrupted (see `listen`)."""
        shown = [images.part(picture)["image_url"]["url"] for picture in pictures]
        self.give(Say(text, tuple(shown), respond))

    def respond(self, instructions: str | None = None) -> None:
        """Have it answer now."""
        self.give(Respond(instructions))

    def interrupt(self, block: int | None = None, played_ms: int | None = None) -> None:
        """End the answer that is being given; of its sound `block` the user heard `played_ms`."""
        self.give(Interrupt(block, played_ms))

    def update(self, system: str | None = None, **settings: Any) -> None:
        """Change instructions or settings (`tokenwidgets.realtime.settings.Settings`)."""
        self.give(Update(settings, system))

    def listen(self) -> None:
        """Return when the answer would have been heard to its end. To speak earlier is to interrupt it."""
        portal().run(self._listened())

    async def _listened(self) -> None:
        while not self.done and (rest := self._sounds_until - time.monotonic()) > 0:  # noqa: ASYNC110 (more of it may come)
            await asyncio.sleep(rest)

    def speak(self, clip: Any, timeout: float = TURN_SECONDS) -> SpokenTurn:
        """Say a clip as a microphone would, in real time, and silence behind it, until it is answered. An answer before it is heard out.

        An interrupt of the cell ends the speaking, forgets what was not a turn yet, and ends the answer; the session goes on.

        Parameters
        ----------
        clip : a `Clip`, or what `Clip.open` opens.
        timeout : seconds.

        Returns
        -------
        The turn, ended.

        Raises
        ------
        Refused : it is no sound, the session ended, or there was no answer in time.
        """
        future = portal().submit(self.turn_of(Clip.open(clip), timeout))
        try:
            return wait(future)
        except KeyboardInterrupt:
            future.cancel()
            raise

    async def speaking(self, clip: Any, timeout: float = TURN_SECONDS) -> SpokenTurn:
        """The same, to be awaited, in a notebook's loop or any other: `turn = await session.speaking("question.wav")`."""
        future = portal().submit(self.turn_of(Clip.open(clip), timeout))
        with reading(_Said(future)):
            return await asyncio.wrap_future(future)

    async def turn_of(self, clip: Clip, timeout: float = TURN_SECONDS, say: Saying | None = None) -> SpokenTurn:
        """The same, to be awaited on the portal.

        Parameters
        ----------
        say : how the clip is said; by default `sending`.
        """
        try:
            return await self._turn_of(clip, timeout, say or self.sending)
        except asyncio.CancelledError:
            with suppress(Refused):  # the session has ended
                await self._give(Clear(), Interrupt())
            raise

    async def _turn_of(self, clip: Clip, timeout: float, say: Saying) -> SpokenTurn:
        await self._listened()
        before, said = len(self.turns), asyncio.Event()
        sending = asyncio.ensure_future(say(clip, said))
        try:
            async with asyncio.timeout(timeout):
                await self._until(lambda: said.is_set() and self._answered(before), sending)
        except TimeoutError:
            raise Refused("timeout", f"There was no answer within {timeout:g} s.") from None
        finally:
            sending.cancel()
        if not self._answered(before):
            raise Refused("connection", self.error.message if self.error else "This voice session has ended.")
        return self.turns[-1]

    async def _until(self, true: Callable[[], bool], sending: asyncio.Future[None]) -> None:
        """Return when something is so, or the session has ended. Raises what the sending of sound raised."""
        changed = asyncio.Event()
        sending.add_done_callback(lambda _: changed.set())
        with self.result._listening(changed.set):
            while not (true() or self.done):
                if sending.done():
                    sending.result()
                await changed.wait()
                changed.clear()

    def _answered(self, before: int) -> bool:
        """Whether what was said after so many turns has its answer. A pause in it makes two turns of it: the last one counts."""
        turns, states = self.turns, [e.event.state for e in self.result.journal.entries if isinstance(e.event, Speech)]
        speaks = bool(states) and states[-1] == "started"
        return len(turns) > before and not speaks and bool(turns[-1].status) and not (turns[-1].calls and not turns[-1].said)

    async def sending(self, clip: Clip, said: asyncio.Event) -> None:
        """Give a clip and then silence, a piece when it would have been spoken; tells when the end of speech can have been heard."""
        size = 2 * int(PIECE_SECONDS * clip.rate)
        silence = bytes(2 * int(SILENCE_SECONDS * clip.rate)) if self._finds_turns else b""
        pcm, end = clip.pcm + silence, clip.seconds + (HEARD_SECONDS if silence else 0)
        began = time.monotonic()
        for number, start in enumerate(range(0, len(pcm), size), 1):
            await asyncio.sleep(began + number * PIECE_SECONDS - time.monotonic())
            await self._give(Sound(pcm[start : start + size], clip.rate))
            if number * PIECE_SECONDS >= end:
                said.set()
        if not silence:
            await self._give(Commit(), Respond())
        await asyncio.Event().wait()

    @property
    def _finds_turns(self) -> bool:
        return Settings().changed(self.result.request.get("session") or {}).turn_detection == "server"

    # ------------------------------------------------------------------ what comes

    def _news(self) -> None:
        """On the portal's thread, whenever something came."""
        fresh = [entry.event for entry in self.result.journal.entries[self._seen :]]
        self._seen += len(fresh)
        for event in fresh:
            self._sound_out(event)
        self._calls.news(fresh)

    def _sound_out(self, event: Event) -> None:
        """Keep up until when the answers sound: they come as fast as they are made."""
        if isinstance(event, Audio) and event.role == "assistant":
            self._sounds_until = max(self._sounds_until, time.monotonic()) + sound_ms(event) / 1000
        elif isinstance(event, Speech) and event.state == "interrupted":
            self._sounds_until = 0.0


class _Said:
    """What is being said, as an interrupted cell ends it."""

    def __init__(self, future: Future[SpokenTurn]) -> None:
        self._future = future

    def stop(self) -> None:
        self._future.cancel()

    def wait(self) -> None:
        futures.wait([self._future])


def talk(
    model: str | Voice | None = None,
    *,
    system: str | None = None,
    tools: Iterable[ToolLike] = (),
    messages: Sequence[Mapping[str, Any]] | None = None,
    dialect: str | None = None,
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Session:
    """Begin a voice session; returns at once. `tw.mic` is the same with a microphone.

    Parameters
    ----------
    model : `host/model`, an alias, or None: the voice of this machine where it can run, else the simulator's. Or a voice of your own
        (`tokenwidgets.realtime.own.voice`), which then speaks in this kernel.
    system : instructions.
    tools : functions, which are called in this kernel; definitions, which are only declared.
    messages : what was said before.
    dialect : wire format, where the host speaks several.
    options : of the model.
    settings : of the session: `output`, `voice`, `turn_detection`, `silence_ms`, `interrupt`, `respond`.

    Raises
    ------
    Refused : a setting or a tool is none.
    """
    toolbox = Toolbox(tools)
    place: Gateway = WithVoice.here(model) if isinstance(model, Voice) else api.gateway()
    named = OWN if isinstance(model, Voice) else model or default_model()
    request = api.asked(
        model=named, system=system, tools=toolbox.definitions, messages=messages, dialect=dialect, session=settings, **(options or {})
    )
    return Session(Result(place, request).begin(), toolbox)


def default_model() -> str:
    """The voice of this machine where it can run, else the simulator's."""
    from .local import can_run

    return "local/voice" if can_run() else "sim/voice"
