"""Every figure: its name, formula and clock, what does not count, and where the definition comes from. Data, with a function each.

Names and exclusions follow AIPerf where it has the figure (`docs/metrics_reference.md` there). What `metrics` and `gaps` define is taken
from them. Two rules hold for all:

* The clock is `Entry.at`: µs since the first attempt began, before name resolution and connect, read at the socket before parsing.
* A figure that says something of a whole answer is None for one that failed, was stopped or was cut off. What was measured until then
  (the first token, the gaps) stands.

None means unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from .delivery import EXPECTED_US, READING_SPEED, STALL_US, perceived_delay, qoe, smoothed_jitter, stalls
from .errors import Refused
from .events import End, Entry, Error, Notice, Start
from .gaps import gaps
from .metrics import Metrics, is_content, measure

OURS = ("connection", "retry", "model_loading", "rate_limits")
"""Notices that no event of the provider's stream brings: ours, and those of the answer's head."""

UNFINISHED = ("cancelled", "superseded", "truncated")
"""Ends of answers that are not whole."""

AIPERF = "AIPerf"
CONTENT = "Content is text, reasoning, refusal, tool arguments, audio or transcript with a non-empty delta."


@dataclass(frozen=True, slots=True)
class Described:
    """A figure in words.

    Parameters
    ----------
    name : AIPerf's tag where it has one.
    title : what it is called in a table.
    unit : µs, tok/s, 1/s, B, or 1 for a ratio or a count.
    formula : in words.
    clock : from where to where.
    excludes : what does not count.
    source : whose definition it is.
    """

    name: str
    title: str
    unit: str
    formula: str
    clock: str
    excludes: str
    source: str


@dataclass(frozen=True, slots=True)
class Definition(Described):
    """One figure of a stream.

    Parameters
    ----------
    of : the figure of a stream's entries; None where it is not known.
    """

    of: Callable[[Sequence[Entry]], float | None]


def whole(metrics: Metrics) -> bool:
    """Whether the answer came to an end of its own; one that reached its limit of tokens did."""
    return isinstance(metrics.end, End) and metrics.end.reason not in UNFINISHED


def first_event(entries: Sequence[Entry]) -> float | None:
    """µs to the first event of the attempt that counts, be it a role, a usage or a name of the model; keep-alives are none."""
    first: int | None = None
    for entry in entries:
        if isinstance(entry.event, Notice) and entry.event.kind == "retry":
            first = None
        elif first is None and _of_provider(entry):
            first = entry.at
    return first


def _of_provider(entry: Entry) -> bool:
    event = entry.event
    return not isinstance(event, Start | Error) and not (isinstance(event, Notice) and event.kind in OURS)


def inter_chunk_latency(entries: Sequence[Entry]) -> float | None:
    """Median time between chunks, µs; those of one read of the socket are 0 apart, as AIPerf has it. None with fewer than two."""
    ats = [e.at for e in entries if is_content(e)]
    between = [b - a for a, b in pairwise(ats)]
    return median(between) if between else None


def inter_token_latency(entries: Sequence[Entry]) -> float | None:
    """Mean time a token after the first, µs; None with fewer than two tokens, or when no time passed between them."""
    found = measure(entries)
    return 1e6 / found.rate if whole(found) and found.rate else None


def time_per_output_token(entries: Sequence[Entry]) -> float | None:
    """Mean time a token, the wait for the first included, µs."""
    latency, tokens = request_latency(entries), measure(entries).tokens
    return latency / tokens if latency is not None and tokens else None


def output_token_throughput(entries: Sequence[Entry]) -> float | None:
    """Tokens a second from the request to the last, the wait for the first included."""
    each = time_per_output_token(entries)
    return 1e6 / each if each else None


def output_token_throughput_per_user(entries: Sequence[Entry]) -> float | None:
    """Tokens a second after the first."""
    found = measure(entries)
    return found.rate if whole(found) else None


def request_latency(entries: Sequence[Entry]) -> float | None:
    """µs to the last content of a whole answer; a usage or an end marker that comes later does not prolong it."""
    found = measure(entries)
    return found.last_content_us if whole(found) else None


def total(entries: Sequence[Entry]) -> float | None:
    """µs to the end of a whole answer's stream."""
    found = measure(entries)
    return found.total_us if whole(found) else None


def gap_spread(entries: Sequence[Entry]) -> float | None:
    """p99 less p50 of the times between reads, µs; None below the 100 times that a p99 needs."""
    of = gaps([e.at for e in entries if is_content(e)])
    low, high = of.quantile("p50"), of.quantile("p99")
    return high - low if low is not None and high is not None else None


def good(entries: Sequence[Entry], targets: Mapping[str, float]) -> bool:
    """Whether a whole answer met every target.

    Parameters
    ----------
    entries : of one stream.
    targets : by the name of a figure the most it may be, or of a rate, a throughput or a QoE the least.

    Raises
    ------
    Refused : there is no such figure.
    """
    return whole(measure(entries)) and all(_met(definition(name), entries, target) for name, target in targets.items())


def goodput(runs: Sequence[Sequence[Entry]], targets: Mapping[str, float], seconds: float) -> float:
    """Answers a second that met every target; one that failed, was stopped or cut off met none.

    Parameters
    ----------
    runs : the entries of each stream.
    targets : as of `good`.
    seconds : from the first request to the last answer's end.
    """
    if seconds <= 0:
        raise Refused("bad_request", "Goodput needs the time that the runs took together, in seconds above 0.")
    return sum(good(entries, targets) for entries in runs) / seconds


def _met(wanted: Definition, entries: Sequence[Entry], target: float) -> bool:
    value = wanted.of(entries)
    if value is None:
        return False
    return value >= target if higher_is_better(wanted) else value <= target


def higher_is_better(wanted: Described) -> bool:
    """Whether more of a figure is better."""
    return wanted.unit in ("tok/s", "1/s") or wanted.name == "qoe"


def definition(name: str) -> Definition:
    """The definition of a figure.

    Raises
    ------
    Refused : there is no such figure.
    """
    found = DEFINITIONS.get(name)
    if found is None:
        raise Refused("bad_request", f"There is no figure {name!r}: it is one of {', '.join(DEFINITIONS)}.")
    return found


_START = "from the request to"
_CONTENT = "first content to last"
_READ = "from the request to the last word read"
_HIDDEN = "reasoning that is counted and not sent"
_LATE = "The wait for the first token and for the end."
_CUT = "Answers that are not whole."
_READER = f"Reasoning and tools, which are not read. The reader reads {READING_SPEED:g} characters a second."
_STALL = f"{STALL_US // 1000} ms"
OWN = "tokenwidgets"

DEFINITIONS: Mapping[str, Definition] = {d.name: d for d in (
    Definition(
        "first_byte", "first byte", "µs", "the head of the answer was read", f"{_START} the first read of the attempt that counts",
        "Heads of attempts that failed.", "W3C Resource Timing, responseStart", lambda entries: measure(entries).headers_us,
    ),
    Definition(
        "first_event", "first event", "µs", "the first event of the provider's stream was read", f"{_START} that event",
        "Keep-alives, the head, our own notices. A role, a name or a usage counts here and nowhere else.", OWN, first_event,
    ),
    Definition(
        "time_to_first_token", "first token", "µs", "the first content of any kind was read", f"{_START} that content",
        f"Role-only frames, empty deltas, a tool's name, usage, keep-alives. {CONTENT}", AIPERF,
        lambda entries: measure(entries).first_token_us,
    ),
    Definition(
        "time_to_first_output_token", "first answer token", "µs", "the first text, refusal or tool arguments were read",
        f"{_START} that content", "Reasoning, sound, and whatever is no content.", AIPERF,
        lambda entries: measure(entries).first_answer_us,
    ),
    Definition(
        "inter_chunk_latency", "inter-chunk", "µs", "the median time between a chunk of content and the next", _CONTENT,
        "The wait for the first. A chunk is no token.", f"{AIPERF}, which gives all of them", inter_chunk_latency,
    ),
    Definition(
        "inter_token_latency", "inter-token", "µs", "(request latency - first token) / (tokens - 1)", _CONTENT,
        f"The wait for the first token; {_HIDDEN}; answers of one token or in one read; answers that are not whole.", AIPERF,
        inter_token_latency,
    ),
    Definition(
        "time_per_output_token", "time per output token", "µs", "request latency / tokens", f"{_START} the last content",
        f"{_CUT} vLLM and MLPerf leave the first token out: inter-token here.", "GuideLLM", time_per_output_token,
    ),
    Definition(
        "output_token_throughput_per_user", "rate after the first", "tok/s", "(tokens - 1) / (last content - first token)",
        _CONTENT, f"The wait for the first token; {_HIDDEN}.", AIPERF, output_token_throughput_per_user,
    ),
    Definition(
        "output_token_throughput", "rate with the first", "tok/s", "tokens / request latency", f"{_START} the last content",
        _CUT, f"{AIPERF}, of one request", output_token_throughput,
    ),
    Definition(
        "request_latency", "end to end", "µs", "the last content was read", f"{_START} the last content",
        "A usage, a finish or an end marker that comes after it; answers that are not whole.", AIPERF, request_latency,
    ),
    Definition(
        "total", "total", "µs", "the stream ended", f"{_START} the terminal event", _CUT, OWN, total,
    ),
    Definition(
        "stall_ratio", "stalled", "1", f"sum of the times without content above {_STALL} / (last content - first token)",
        _CONTENT, _LATE, "tokenwidgets, after rebuffering ratio",
        lambda entries: stalls(entries).ratio,
    ),
    Definition(
        "stall_count", "stalls", "1", f"how many times without content were above {_STALL}", _CONTENT,
        _LATE, OWN, lambda entries: stalls(entries).count,
    ),
    Definition(
        "longest_stall", "longest stall", "µs", f"the longest time without content, if above {_STALL}",
        _CONTENT, _LATE, OWN, lambda entries: stalls(entries).longest_us,
    ),
    Definition(
        "smoothed_jitter", "jitter", "µs", "J += (|D| - J) / 16, D the difference of a time between reads from the mean one",
        _CONTENT, "Chunks of one read. The sender's instants are not known: an even pace stands for them.", "RFC 3550, 6.4.1",
        smoothed_jitter,
    ),
    Definition(
        "gap_spread", "gap p99 - p50", "µs", "p99 - p50 of the times between reads", _CONTENT,
        "Chunks of one read; streams with fewer than 100 times between reads.", OWN, gap_spread,
    ),
    Definition(
        "qoe", "QoE", "1",
        f"1 - area of reading behind what was expected / area of what was expected, the first word after {EXPECTED_US // 10**6} s",
        _READ, _READER, "Andes, arXiv 2404.16283", qoe,
    ),
    Definition(
        "perceived_delay", "perceived delay", "µs", "when the answer was read - how long reading alone takes", _READ,
        _READER, OWN, perceived_delay,
    ),
)}  # fmt: skip
"""By name. `goodput` is of several runs, so it is a function and no figure of one."""
