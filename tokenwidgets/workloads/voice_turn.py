"""A spoken turn: how long after the end of speech the answer sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import Refused
from ..formulas import Described
from ..realtime.clip import Clip
from ..realtime.clips import clip as shipped
from ..realtime.session import Session
from ..realtime.spoken import STAGES, SpokenTurn
from ..realtime.words import word_error_rate
from .asking import Asking
from .base import Taken, Workload, table
from .voice_paths import PATHS

if TYPE_CHECKING:
    from ..trials import Arm

CLOCK = "The session's: µs since it began"
LATE = "Words that were written down after the answer had begun; what a loudspeaker adds."


def _stage(name: str, title: str) -> Described:
    return Described(f"voice_{name}", title, "µs", f"from the instant before it to {title}", CLOCK, LATE, "tokenwidgets")


@dataclass(frozen=True)
class VoiceTurn(Workload):
    """A clip is said in a session of its own, in real time, and the answer waited for.

    What the sound needs from the server to an ear is not in the figures of the session's stages: `tw.mic` shows it for a page, and
    `voice_round_trip` has it for this process. So that is the figure by which two paths of the sound are compared. The option `path`
    names one: `inputs`, samples as from a worklet, or `track`, Opus over WebRTC, as in `options=[{"path": "inputs"}, {"path": "track"}]`.

    Parameters
    ----------
    clip : the name of a clip that is shipped, or the path of a file with one sentence.
    words : what is said in it, for the error rate of the words; of a shipped clip they are known.
    """

    clip: str = "france"
    words: str = ""

    name: ClassVar[str] = "voice"
    by: ClassVar[str] = "voice_to_voice"
    runs: ClassVar[int] = 20
    figures: ClassVar[Mapping[str, Described]] = table(
        Described(
            "voice_to_voice", "voice to voice", "µs", "from the end of speech to the answer's first sound at the server", CLOCK, LATE,
            "tokenwidgets",
        ),
        *(_stage(name, title) for name, title in STAGES.items() if name != "played"),
        Described(
            "voice_round_trip", "heard where it was said", "µs", "from the end of speech to the answer's first sound, both in this process",
            "This process's monotonic one", "What a microphone and a loudspeaker add.", "tokenwidgets",
        ),
        Described(
            "word_error_rate", "word error rate", "1", "words inserted, left out or changed, of those that were said", "none",
            "Case and punctuation.", "NIST",
        ),
    )  # fmt: skip

    def check(self, arms: Sequence[Arm], transports: Sequence[str]) -> None:
        """See `Workload.check`."""
        super().check(arms, transports)
        for arm in arms:
            if any(arm.request.get(name) is not None for name in ("prompt", "schema")):
                raise Refused("bad_request", "A spoken turn takes no prompt: the clip is what is said.")
            _check_path(arm.request)
        self._sound()

    def _sound(self) -> tuple[Clip, str]:
        """The clip, and its words."""
        if "/" in self.clip or "." in self.clip:
            return Clip.open(self.clip), self.words
        found = shipped(self.clip)
        return found.clip, self.words or found.words

    async def run(self, asking: Asking) -> Taken:
        """Hold a session for one turn."""
        clip, words = self._sound()
        session = Session(asking.ask(session=_settings(asking.request), path=None))
        path = PATHS[asking.request.get("path") or "inputs"](session)
        try:
            await path.open()
            turn = await session.turn_of(clip, say=path.say)
            heard = await path.ear.round_trip()
        except Refused as e:
            return Taken(failures={"": e.message})
        finally:
            await path.aclose()
            await session.result.stopping()
        if turn.status not in ("completed", "incomplete"):
            return Taken(failures={"": turn.message or f"the answer was {turn.status}"})
        return Taken({**voice_figures(turn, words), **({} if heard is None else {"voice_round_trip": heard})})


def _check_path(request: Mapping[str, Any]) -> None:
    path = request.get("path") or "inputs"
    if path not in PATHS:
        raise Refused("bad_request", f"There is no path {path!r} of a spoken turn: it is {' or '.join(PATHS)}.")
    if path == "track" and _settings(request).get("turn_detection") == "none":
        raise Refused("bad_request", "Over a track nobody tells the end of a turn: leave out turn_detection, or take the path 'inputs'.")


def _settings(request: Mapping[str, Any]) -> Mapping[str, Any]:
    return request.get("session") or {}


def voice_figures(turn: SpokenTurn, words: str) -> dict[str, float]:
    """The figures of a turn.

    Parameters
    ----------
    words : what was said; empty where that is not known.
    """
    stages = [stage for stage in turn.stages if stage.name != "played"] if turn.spoken else []  # else nobody knows when speech ended
    figures: dict[str, float] = {f"voice_{stage.name}": stage.us for stage in stages}
    if stages and stages[-1].name == "first_sound":
        figures["voice_to_voice"] = stages[-1].end - stages[0].begin
    if words and turn.heard:
        figures["word_error_rate"] = word_error_rate(words, turn.heard)
    return figures
