"""What was said in a voice session, turn by turn, and how long each step of an answer took: a pure function of its journal.

The stages of a turn lie end to end between instants of one clock, the session's, so they add up. An instant that nobody told, or that
lies behind a later one (some providers write down what they heard after they have answered it), makes no stage of its own: its time
belongs to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from ..events import Audio, Entry, Notice, Speech, Text, Tool, Transcript
from .base import MICROPHONE
from .said import heard, sound_ms

STAGES: Mapping[str, str] = {
    "endpoint": "noticing the end",
    "words": "words",
    "first_token": "first token",
    "first_sound": "first sound",
    "played": "to the loudspeaker",
}
"""Instants that end a stage, in their order, and what the stage is called. The first stage begins at `speech_end`.

* `speech_end`: the true end of speech, as the detector finds it afterwards.
* `endpoint`: the detector was sure that it was the end.
* `words`: the words were there.
* `first_token`: the first piece of the answer.
* `first_sound`: the first of its sound at the server.
* `played`: the reader's loudspeaker began with it.
"""

INSTANTS = ("speech_end", *STAGES)

HUMAN_GAP_US = 200_000
"""The usual gap between two people's turns, µs (Stivers and others 2009, doi 10.1073/pnas.0903616106; Levinson and Torreira 2015)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the wait for an answer.

    Parameters
    ----------
    name : the instant that ends it.
    begin, end : µs of the session's clock.
    """

    name: str
    begin: int
    end: int

    @property
    def title(self) -> str:
        """What it is called."""
        return STAGES[self.name]

    @property
    def us(self) -> int:
        """How long it took, µs."""
        return self.end - self.begin


@dataclass(slots=True, eq=False)
class SpokenTurn:
    """What the user said, and what was answered.

    Parameters
    ----------
    heard : the user's words, spoken or written; empty where they are not known.
    said : the answer's.
    status : `completed`, `cancelled`, `incomplete`, `failed`; empty as long as it is being given.
    message : why it failed.
    instants : of `INSTANTS`, those that are known, µs of the session's clock.
    block : of the answer's sound; None where it has none.
    begin, end : the seqs of its first event and of that behind its last.
    calls : names of the tools it called.
    interrupted : whether speech, or a press, cut its answer off, be it that all of it was at the reader already.
    sound_ms : how long the answer's sound is, as far as it came; 0 of sound on a track.
    played_ms : how much of it the reader played, where it was cut off and the reader told.
    """

    heard: str = ""
    said: str = ""
    status: str = ""
    message: str = ""
    instants: dict[str, int] = field(default_factory=dict)
    block: int | None = None
    begin: int = 0
    end: int = 0
    calls: list[str] = field(default_factory=list)
    interrupted: bool = False
    sound_ms: float = 0.0
    played_ms: int | None = None

    @property
    def reached(self) -> str:
        """The answer's words as far as they were heard."""
        return self.said if self.played_ms is None else heard(self.said, self.played_ms, self.sound_ms)

    @property
    def spoken(self) -> bool:
        """Whether the user spoke: only then there is an end of speech to count from."""
        return "endpoint" in self.instants

    @property
    def stages(self) -> list[Stage]:
        """The parts of the wait, end to end."""
        kept = list[tuple[str, int]]()
        for name in INSTANTS:
            if (at := self.instants.get(name)) is None:
                continue
            while kept and kept[-1][1] > at:
                kept.pop()
            kept.append((name, at))
        return [Stage(name, before, at) for (_, before), (name, at) in pairwise(kept)]

    @property
    def latency(self) -> int | None:
        """From the end of speech to the first sound, as far as it was followed, µs; None while there is none, or nobody spoke."""
        heard = self.instants.get("played", self.instants.get("first_sound"))
        return None if heard is None or "speech_end" not in self.instants else heard - self.instants["speech_end"]


def spoken(entries: Iterable[Entry]) -> list[SpokenTurn]:
    """The turns of a session."""
    reader = _Reader()
    for entry in entries:
        reader.take(entry)
    return reader.turns


class _Reader:
    """Deals events to the turns they belong to. A turn begins where the user speaks or writes, or an answer begins unasked."""

    def __init__(self) -> None:
        self.turns: list[SpokenTurn] = []
        self._asked: SpokenTurn | None = None
        self._users: dict[int, SpokenTurn] = {}
        self._names: dict[int, str] = {}

    def take(self, entry: Entry) -> None:
        event, at = entry.event, entry.at
        match event:
            case Speech("started"):
                self._asked = None
            case Speech("interrupted"):
                self._interrupted()
            case Speech("stopped"):
                turn = self._ask(entry)
                turn.instants |= {"endpoint": at, "speech_end": at if event.since is None else event.since}
            case Transcript(role="user"):
                self._heard(event, entry)
            case Text() | Transcript() | Audio(role="assistant") | Tool():
                self._answer(event, entry)
            case Notice("turn"):
                self._ended(event, entry)
            case Notice("played"):
                self._played(event.data)
            case Notice("truncated"):
                self._truncated(event.data)

    def _ask(self, entry: Entry) -> SpokenTurn:
        self._asked = SpokenTurn(begin=entry.seq, end=entry.seq + 1)
        self.turns.append(self._asked)
        return self._asked

    def _heard(self, event: Transcript, entry: Entry) -> None:
        turn = self._users.get(event.block)
        if turn is None:
            written = event.block == MICROPHONE
            waiting = next((t for t in self.turns if t.spoken and t not in self._users.values()), None)
            turn = self._ask(entry) if written or waiting is None else waiting
            if not written:
                self._users[event.block] = turn
        turn.heard += event.delta
        if event.final and turn.spoken:
            turn.instants["words"] = entry.at

    def _answer(self, event: Text | Transcript | Audio | Tool, entry: Entry) -> None:
        turn = self.turns[-1] if self.turns and not self.turns[-1].status else self._ask(entry)
        turn.end = entry.seq + 1
        if isinstance(event, Tool):
            self._names.setdefault(event.block, event.name or "")
            turn.calls += [self._names[event.block]] if event.done else []
        elif isinstance(event, Audio):
            if event.delta or event.track:
                turn.instants.setdefault("first_sound", entry.at)
                turn.block = event.block if turn.block is None else turn.block
                turn.sound_ms += sound_ms(event)
            return
        else:
            turn.said += event.delta
        if event.delta:
            turn.instants.setdefault("first_token", entry.at)

    def _interrupted(self) -> None:
        cut = next((turn for turn in reversed(self.turns) if turn.said or turn.block is not None), None)
        if cut is not None:
            cut.interrupted = True

    def _ended(self, event: Notice, entry: Entry) -> None:
        turn = next((turn for turn in reversed(self.turns) if not turn.status), None)
        if turn is not None:
            turn.status = str(event.data.get("status", "completed"))
            turn.message = str(event.data.get("message", ""))
            turn.end = entry.seq + 1

    def _played(self, data: Mapping[str, object]) -> None:
        block, at = data.get("block"), data.get("at")
        for turn in self.turns:
            if turn.block == block and isinstance(at, int):
                turn.instants.setdefault("played", at)

    def _truncated(self, data: Mapping[str, object]) -> None:
        block, played = data.get("block"), data.get("played_ms")
        for turn in self.turns:
            if turn.block == block and isinstance(played, int):
                turn.played_ms = played
