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

if TYPE_CHECKING:
    from ..trials import Arm

CLOCK = "The session's: µs since it began"
LATE = "Words that were written down after the answer had begun; what a loudspeaker adds."


def _stage(name: str, title: str) -> Described:
    return Described(f"voice_{name}", title, "µs", f"from the instant before it to {title}", CLOCK, LATE, "tokenwidgets")


@dataclass(frozen=True)
class VoiceTurn(Workload):
    """A clip is said in a session of its own, in real time, and the answer waited for.

    What the sound needs from the server to an ear is not in these figures: `tw.mic` shows it for a page.

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
        session = Session(asking.ask(session=_settings(asking.request)))
        try:
            turn = await session.speaking(clip)
        except Refused as e:
            return Taken(failures={"": e.message})
        finally:
            await session.result.stopping()
        if turn.status not in ("completed", "incomplete"):
            return Taken(failures={"": turn.message or f"the answer was {turn.status}"})
        return Taken(voice_figures(turn, words))


def _settings(request: Mapping[str, Any]) -> Mapping[str, Any]:
    return request.get("session") or {}


def voice_figures(turn: SpokenTurn, words: str) -> dict[str, float]:
    """The figures of a turn.

    Parameters
    ----------
    words : what was said; empty where that is not known.
    """
    stages = [stage for stage in turn.stages if stage.name != "played"]
    figures: dict[str, float] = {f"voice_{stage.name}": stage.us for stage in stages}
    if stages and stages[-1].name == "first_sound":
        figures["voice_to_voice"] = stages[-1].end - stages[0].begin
    if words and turn.heard:
        figures["word_error_rate"] = word_error_rate(words, turn.heard)
    return figures
