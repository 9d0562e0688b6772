"""What the calls of a comparison show beside who was ahead, and what is known from elsewhere of what was compared. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..breakdown import breakdown
from ..delivery import READING_SPEED
from ..events import Entry, Notice
from ..figures import clock
from ..intervals import PAIRS, median_interval
from ..trials import Trial
from ..verdicts import Measure, Verdict
from .calls import COST, costs, decider, figures, hosts_asked, real, sentences
from .known import FACTS, FRAME_US, TURN_US, Asked, Use
from .words import Figure, Reason, Said

if TYPE_CHECKING:
    from ..findings import Findings

PART = Measure("provider_part", "the provider's part", "%")


def provider_part(of: Findings, wanted: Use) -> Said:
    """How much of the wait for the first token was the provider's, so that nothing else could shorten it."""
    shares = [share for trial in real(of) if (share := _share(trial)) is not None]
    interval = median_interval(shares, of.seed)
    if interval is None:
        return Said()
    figure = Figure("the wait for the first token", PART, interval.estimate, interval, len(shares))
    rest = "to connect, to send, and behind the gateway" if of.transports else "to connect and to send"
    return Said(
        reasons=(Reason(f"The provider's part is {_percent(interval.estimate)} of the wait for the first token.", (figure,)),),
        would_change=(f"No transport and no connection can save more than the rest, {_percent(100 - interval.estimate)}: it went {rest}.",),
    )


def _share(trial: Trial) -> float | None:
    """The provider's part, %: from the request's last byte to the first token, of that and what came before it and behind it."""
    first, waited = trial.figures.get("time_to_first_token"), breakdown(trial.entries).us("wait")
    if not first or waited is None or not any(_sent(entry) for entry in trial.entries):
        return None
    return 100 * min(waited, first) / (first + _behind(trial))


def _behind(trial: Trial) -> float:
    """The slowest lane's way from the provider's socket to its reader, µs; where that was not measured, how far it was behind the first."""
    legs = [
        leg["gateway"]["median_us"] + max(0.0, leg["link"]["median_us"]) for leg in trial.legs.values() if {"gateway", "link"} <= leg.keys()
    ]
    return max(legs or [behind for behind in trial.behind.values() if behind is not None], default=0.0)


def _sent(entry: Entry) -> bool:
    return isinstance(entry.event, Notice) and entry.event.kind == "connection" and "sent" in entry.event.data


def _percent(value: float) -> str:
    """A share that is nearly all or nearly nothing keeps the digit that says so."""
    return f"{value:.1f} %" if value > 99 or value < 1 else f"{value:.0f} %"


def cost(of: Findings, wanted: Use) -> Said:
    """What a call costs, where somebody says so, often enough to compare, and it is not what decides already."""
    verdict = costs(of)
    if verdict is None or verdict.width is None or decider(of, wanted).measure.name == COST.name:
        return Said()
    return Said(reasons=sentences(verdict))


def own_figure(of: Findings, wanted: Use) -> Said:
    """What the comparison's own figure shows, where another one decides."""
    if len(of.arms) < 2 or of.workload.of_transports or of.made_up:
        return Said()
    verdict = of.judged(of.by)
    same = decider(of, wanted).contenders == verdict.contenders
    return Said(reasons=() if same or not verdict.ranking else sentences(verdict))


def reading(of: Findings, wanted: Use) -> Said:
    """Whether a reader had to wait for text after its first word."""
    late = "perceived_delay", "time_to_first_output_token"
    known = [trial for trial in real(of) if all(name in trial.figures for name in late)]
    if wanted.name not in ("chat", "notebook", "broadcast") or len(known) < PAIRS:
        return Said()
    waited = sum(trial.figures[late[0]] - trial.figures[late[1]] >= FRAME_US for trial in known)
    if waited:
        sentence = f"In {waited:,} of {len(known):,} calls reading at {READING_SPEED:g} characters a second had to wait for further text."
        return Said(reasons=(Reason(sentence),), would_change=("A reader who is slower: then fewer of these waits would be noticed.",))
    sentence = f"In all {len(known):,} calls the text came at least as fast as it is read, at {READING_SPEED:g} characters a second."
    return Said(reasons=(Reason(sentence),), would_change=("Readers who skim: a higher rate would be noticed by them alone.",))


def turn_taking(of: Findings, wanted: Use) -> Said:
    """Whether the first word alone takes longer than people leave between their turns."""
    if wanted.name != "voice" or not of.trials or wanted.by not in of.workload.figures:
        return Said()
    verdict = of.judged(wanted.by)
    slow = [place for place in verdict.ranking if place not in of.made_up and _later(verdict, place, TURN_US)]
    reasons = tuple(_too_late(verdict, place) for place in slow)
    return Said(
        reasons=reasons, would_change=("A whole voice turn, measured: recognising and speaking take time too, and are not in these calls.",)
    )


def _later(verdict: Verdict, place: int, than: float) -> bool:
    interval = verdict.summary(place).median
    return interval is not None and interval.low > than


def _too_late(verdict: Verdict, place: int) -> Reason:
    label, measure = verdict.contenders[place].label, verdict.measure
    sentence = f"{label} alone took longer to its {measure.title} than the {measure.words(TURN_US)} that people leave between turns."
    return Reason(sentence, figures(verdict, [place]))


def facts(of: Findings, wanted: Use) -> Said:
    """What is known from elsewhere of what was compared."""
    asked = Asked(wanted.name, tuple(of.transports) or wanted.transports, *_called(of))
    told = [(fact.told(asked), fact.source) for fact in FACTS]
    return Said(reasons=tuple(Reason(sentence, source=source) for sentence, source in told if sentence))


def _called(of: Findings) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The hosts that were called, with the provider behind each, and the dialects."""
    starts = [(start, _provider(trial.entries)) for trial in of.trials if (start := trial.start) is not None]
    asked = [(host, "") for host in hosts_asked(of)]
    hosts = dict.fromkeys((start.host, provider) for start, provider in starts) or dict.fromkeys(asked)
    return tuple(hosts), tuple(dict.fromkeys(start.dialect for start, _ in starts))


def _provider(entries: Sequence[Entry]) -> str:
    named = [e.event.data.get("provider") for e in entries if isinstance(e.event, Notice) and e.event.kind == "provider"]
    return str(named[-1]) if named and named[-1] else ""


def workload(of: Findings, wanted: Use) -> Said:
    """Which workload is nearer to the use than single calls are."""
    if not wanted.workload or of.workload.name != "turn":
        return Said()
    return Said(would_change=(f"One call at a time was measured: tw.compare(…, workload={wanted.workload!r}) is nearer to this use.",))


def place_and_time(of: Findings, wanted: Use) -> Said:
    """How far what was measured reaches."""
    if not of.trials:
        return Said()
    lasted, places = clock(round(max(trial.at for trial in of.trials) * 1e6)), len({trial.place for trial in of.trials})
    where = "one place" if places == 1 else f"{places:,} places"
    first = f"These calls were begun within {lasted}, from {where}: at another hour, or from elsewhere, it may be otherwise."
    return Said(would_change=(first, *of._unfinished()))
