"""Streams and their readers side by side: what is compared, by which figures, and what may be said of it. Pure.

Lanes that read one stream differ only in how its events came to the page. They are compared by the page's own clock: how long after the
first lane each event came. An event counts where every whole lane was already reading when it came, so those that were there before a
lane do not. Lanes of different streams are compared by the provider's instants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import figures
from .buffering import Held, held
from .gaps import fine
from .legs import Leg, legs
from .listing import Table
from .metrics import Metrics

if TYPE_CHECKING:
    import pandas

    from .clocks import Offset
    from .result import Result

CLOCK_STEP_US = 100
"""A page's clock moves in steps of up to so much, µs; what differs by less does not differ."""

P95_NEEDS = 20
"""How many events a 95th percentile needs, so that one of them lies beyond it."""

TRANSPORT_WORDS: Mapping[str, str] = {
    "sse": "SSE",
    "ws": "WebSocket",
    "webrtc": "WebRTC",
    "webrtc-ordered": "WebRTC ordered",
    "webrtc-unordered": "WebRTC unordered",
    "comm": "comm",
    "auto": "auto",
}


@dataclass(slots=True, eq=False)
class Lane:
    """One reader of one stream.

    Parameters
    ----------
    label : what it is called beside the others.
    transport : how it reads, of `transports.TRANSPORTS`.
    result : the stream.
    arrivals : when each event came to the page, µs since the stream began by the page's clock; empty where no page has told.
    failure : why it did not come to the stream's end, though the stream may have; in words.
    sent : when each was written to this reader, µs of the stream's clock; None where nobody says.
    painted : when the frame that shows it was painted, on the clock of `arrivals`; None where it was not, or nobody says.
    clock : how the stream's times are told on the clock of `arrivals`; None where the two were not aligned.
    """

    label: str
    transport: str
    result: Result
    arrivals: tuple[int, ...] = ()
    failure: str = ""
    sent: tuple[int | None, ...] = ()
    painted: tuple[float | None, ...] = ()
    clock: Offset | None = None

    @property
    def model(self) -> str:
        """The model that answers, `host/model`."""
        return self.result.model

    @property
    def error(self) -> str:
        """What went wrong, of the reader or of the stream; empty where nothing did."""
        return self.failure or (self.result.error.message if self.result.error else "")

    @property
    def figures(self) -> Metrics:
        """The stream's figures."""
        return self.result.metrics

    @property
    def outcome(self) -> str:
        """How it ended, in words."""
        return f"failed: {self.failure}" if self.failure else figures.outcome(self.figures) if self.result.done else "running"


@dataclass(frozen=True, slots=True)
class Delay:
    """How long after the first lane the events of a stream came over one lane.

    Parameters
    ----------
    median_us, p95_us : of the delays; None where too few events are known to say.
    n : how many events were compared.
    """

    median_us: int
    p95_us: int | None
    n: int


class Comparison:
    """Lanes, and what can be said of them.

    Parameters
    ----------
    lanes : in the order in which they are shown.
    """

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes = list(lanes)

    @property
    def results(self) -> list[Result]:
        """The streams, each once."""
        return list({id(lane.result): lane.result for lane in self.lanes}.values())

    def rivals(self, lane: Lane) -> list[Lane]:
        """All lanes that read the same stream, itself among them."""
        return [other for other in self.lanes if other.result is lane.result]

    @property
    def delays(self) -> list[Delay | None]:
        """Of each lane; None where there is nothing to compare it with."""
        return [self._delay(lane) for lane in self.lanes]

    def legs(self, lane: Lane) -> dict[str, Leg]:
        """The legs of a lane's events behind the provider, as far as it measured them; of the events by which lanes are compared."""
        return legs(lane, self._compared(lane))

    def held(self, lane: Lane) -> Held | None:
        """What was held back on the way to a lane; None where nothing was, or nobody says when events were written."""
        return held(lane.sent, lane.arrivals, [len(entry.data) for entry in lane.result.journal.entries])

    def _whole(self, lane: Lane) -> list[Lane]:
        return [rival for rival in self.rivals(lane) if not rival.failure and rival.arrivals]

    def _compared(self, lane: Lane) -> range:
        """The events by which a lane is compared with its rivals; none where it failed."""
        whole = self._whole(lane)
        if lane.failure or not lane.arrivals:
            return range(0)
        return range(max(map(_backlog, whole)), min(len(rival.arrivals) for rival in whole))

    def _delay(self, lane: Lane) -> Delay | None:
        whole = self._whole(lane)
        behind = sorted(lane.arrivals[seq] - min(rival.arrivals[seq] for rival in whole) for seq in self._compared(lane))
        if len(whole) < 2 or not behind:
            return None
        return Delay(_quantile(behind, 0.5), _quantile(behind, 0.95) if len(behind) >= P95_NEEDS else None, len(behind))

    # ------------------------------------------------------------------ who is ahead

    @property
    def leader(self) -> Lane | None:
        """The lane that was ahead: of one stream the one with the smallest median delay, of several, but for those that failed, the first
        to have content.
        """
        ranking = self._ranking()
        return ranking[0][0] if len(ranking) > 1 and ranking[1][1] - ranking[0][1] >= self._step else None

    @property
    def lead_us(self) -> int | None:
        """By how much, µs."""
        ranking = self._ranking()
        return ranking[1][1] - ranking[0][1] if self.leader else None

    @property
    def _step(self) -> int:
        return CLOCK_STEP_US if len(self.results) == 1 else 1

    def _ranking(self) -> list[tuple[Lane, int]]:
        """Lanes with what they are compared by, the first one first."""
        if len(self.results) == 1:
            told = [(lane, delay.median_us) for lane, delay in zip(self.lanes, self.delays, strict=True) if delay]
        else:
            whole = {id(lane.result): lane for lane in reversed(self.lanes) if not lane.failure}
            told = [(lane, first) for lane in whole.values() if not lane.error and (first := lane.figures.first_token_us) is not None]
        return sorted(told, key=lambda entry: entry[1])

    @property
    def verdict(self) -> str:
        """What this run shows, and what it does not."""
        return f"{self._finding()} {ONE_RUN}" if len(self._ranking()) > 1 else self._nothing()

    def _finding(self) -> str:
        (first, best), (second, next_best), *_ = self._ranking()
        if len(self.results) == 1:
            return _of_transports(first, second, best, next_best, self._delay(first))
        return _of_models(self._spokesman(first), self._spokesman(second), next_best - best, self._first_to_end())

    def _spokesman(self, lane: Lane) -> str:
        """What a lane is called where it stands for its stream."""
        return lane.label if len(self.rivals(lane)) == 1 else lane.model

    def _first_to_end(self) -> tuple[str, int] | None:
        """The stream that ended first, and when; None where fewer than two came to a good end."""
        lanes = {id(lane.result): lane for lane in reversed(self.lanes)}.values()
        ended = [(total, self._spokesman(lane)) for lane in lanes if not lane.result.error and (total := lane.figures.total_us) is not None]
        if len(ended) < 2:
            return None
        total, name = min(ended)
        return name, total

    def _nothing(self) -> str:
        """Why there is nothing to say."""
        failed = [lane.label for lane in self.lanes if lane.error]
        if failed:
            return f"Nothing to compare: {_listed(failed)} failed."
        if len(self.results) == 1 and any(lane.arrivals for lane in self.lanes):
            return (
                "Nothing to compare: the stream was over before all lanes read it, or something on the way held it back. A longer answer "
                "shows more, and tw.compare which of the two it was."
            )
        if len(self.results) == 1:
            return "Nothing to compare: no page has told how the events came to it."
        return "Nothing to compare: fewer than two lanes had any content."

    # ------------------------------------------------------------------ as a table

    @property
    def table(self) -> pandas.DataFrame | Table:
        """One row a lane: a DataFrame with µs where pandas is installed, else a table in words."""
        try:
            import pandas
        except ImportError:
            return self.words
        return pandas.DataFrame([self._row(lane) for lane in self.lanes])

    def _row(self, lane: Lane) -> dict[str, Any]:
        of, delay = lane.figures, self._delay(lane)
        return {
            "lane": lane.label, "model": lane.model, "transport": lane.transport, "outcome": lane.outcome,
            "first_token_us": of.first_token_us, "rate": of.rate, "tokens": of.tokens, "tokens_exact": of.tokens_exact,
            "total_us": of.total_us, "behind_median_us": delay and delay.median_us, "behind_p95_us": delay and delay.p95_us,
            "n": delay.n if delay else 0,
        }  # fmt: skip

    @property
    def words(self) -> Table:
        """The same in words, without the columns in which nothing stands."""
        rows = [self._words(lane) for lane in self.lanes]
        told = [i for i in range(len(HEAD)) if i < 2 or any(row[i] not in ("", figures.UNKNOWN) for row in rows)]
        return Table([HEAD[i] for i in told], [[row[i] for i in told] for row in rows])

    def _words(self, lane: Lane) -> list[str]:
        of, delay = lane.figures, self._delay(lane)
        return [
            lane.label,
            lane.outcome,
            figures.duration(of.first_token_us),
            figures.rate(of.rate, of.tokens_exact),
            figures.tokens(of.tokens, of.tokens_exact),
            figures.UNKNOWN if of.total_us is None else figures.seconds(of.total_us),
            fine(delay.median_us) if delay else "",
            fine(delay.p95_us) if delay else "",
            f"{delay.n:,}" if delay else "",
        ]

    def __repr__(self) -> str:
        return f"{self.words!r}\n{self.verdict}"


HEAD = ("lane", "outcome", "first token", "rate", "tokens", "total", "behind, median", "behind, p95", "n events")

ONE_RUN = "One run is no evidence of a difference beyond this run."


def _of_transports(first: Lane, second: Lane, best: int, next_best: int, delay: Delay | None) -> str:
    n = f"n = {delay.n:,} events" if delay else ""
    medians = f"{fine(best)} for {first.label} and {fine(next_best)} for {second.label}"
    if next_best - best < CLOCK_STEP_US:
        return (
            f"No difference shown: the median delay behind the first lane to bring an event was {medians} ({n}), and a page's clock has "
            f"steps of {fine(CLOCK_STEP_US)}."
        )
    return f"{first.label} was ahead: the median delay behind the first lane to bring an event was {medians} ({n})."


def _of_models(first: str, second: str, lead: int, end: tuple[str, int] | None) -> str:
    if lead == 0:
        began = f"No difference shown: {first} and {second} had their first token at the same instant"
    else:
        began = f"{first} was ahead: its first token came {fine(lead)} before that of {second}"
    if end is None:
        return f"{began}."
    name, total = end
    if name == first and lead:
        return f"{began}, and it ended first, after {figures.seconds(total)}."
    return f"{began}; {name} ended first, after {figures.seconds(total)}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _backlog(lane: Lane) -> int:
    """How many events were there before the lane was: those that had come as its first was written to it. Where nobody says when that was,
    those of its first read, which are more where something on the way holds events back.
    """
    if lane.sent and lane.sent[0] is not None:
        began = lane.sent[0]
        return sum(entry.at <= began for entry in lane.result.journal.entries)
    return next((seq for seq, at in enumerate(lane.arrivals) if at != lane.arrivals[0]), len(lane.arrivals))


def _quantile(times: Sequence[int], q: float) -> int:
    """Interpolated, of sorted times."""
    place = (len(times) - 1) * q
    low = int(place)
    high = min(low + 1, len(times) - 1)
    return int(times[low] + (times[high] - times[low]) * (place - low) + 0.5)
