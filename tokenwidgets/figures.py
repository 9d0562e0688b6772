"""Numbers in words, the same everywhere: in a widget, a card, a terminal, a report.

Times are whole milliseconds below one second, then seconds with two decimals, from ten seconds on with one. Counts have thousands
separators, rates are in tok/s, `~` marks an estimate, and an unknown is a dash or is left out; it is never 0. Halves are rounded up, from
the integer µs, so that Python and JavaScript agree to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from .events import EXACT, End, Error
from .metrics import Metrics

UNKNOWN = "–"
"""What stands for a figure that nobody knows."""

CUT_OFF = "cut off: the connection ended without the provider's end marker"


def duration(us: int | None) -> str:
    """A time in µs: `412 ms`, `1.80 s`, `13.9 s`."""
    if us is None:
        return UNKNOWN
    ms = (us + 500) // 1000
    return f"{ms} ms" if ms < 1000 else seconds(us)


def seconds(us: int) -> str:
    """A time in µs, in seconds even where it is short: `0.41 s`, `13.9 s`."""
    hundredths = (us + 5_000) // 10_000
    if hundredths < 1000:
        return f"{hundredths // 100}.{hundredths % 100:02d} s"
    tenths = (us + 50_000) // 100_000
    return f"{tenths // 10:,}.{tenths % 10} s"


def rate(value: float | None, exact: bool = True) -> str:
    """Tokens a second: `87 tok/s`, `~4.2 tok/s`; one decimal below ten."""
    if value is None:
        return UNKNOWN
    tenths = int(value * 10 + 0.5)
    number = f"{tenths // 10}.{tenths % 10}" if tenths < 100 else f"{int(value + 0.5):,}"
    return f"{_mark(exact)}{number} tok/s"


def tokens(count: int, exact: bool = True) -> str:
    """A count of tokens: `1,204 tok`, `~12 tok`."""
    return f"{_mark(exact)}{count:,} tok"


def line(metrics: Metrics) -> str:
    """The one line of figures: `first token 412 ms · 87 tok/s · 1,204 tok · 13.9 s`; what is unknown is left out.

    A stream that ended before any token reads `no token · 0.41 s`; one whose tokens were all hidden has a dash for the first.
    """
    exact = metrics.tokens_exact
    parts = [
        _first(metrics),
        metrics.rate is not None and rate(metrics.rate, exact),
        metrics.tokens > 0 and tokens(metrics.tokens, exact),
        metrics.total_us is not None and seconds(metrics.total_us),
        metrics.retries > 0 and f"{metrics.retries} {'retry' if metrics.retries == 1 else 'retries'}",
    ]
    return " · ".join(part for part in parts if part)


def _first(metrics: Metrics) -> str:
    if metrics.first_token_us is not None or metrics.tokens > 0:
        return f"first token {duration(metrics.first_token_us)}"
    return "no token" if metrics.total_us is not None else "no token yet"


def clock(us: int) -> str:
    """A time in µs in full tenths of a second, as a clock counts: `1.8 s`."""
    tenths = us // 100_000
    return f"{tenths // 10:,}.{tenths % 10} s"


def phase(metrics: Metrics) -> str:
    """The phase a stream ended in, in the words of every widget: `done`, `stopped at token 148`, `cut off`, `failed`.

    A journal without a terminal event reads as cut off.
    """
    end = metrics.end
    if isinstance(end, Error):
        return "failed"
    if end is None or end.reason == "truncated":
        return "cut off"
    if end.reason in ("cancelled", "superseded"):
        return f"stopped at token {_mark(metrics.tokens_exact)}{metrics.tokens:,}" if metrics.tokens else "stopped before the first token"
    return "done"


def outcome(metrics: Metrics) -> str:
    """The phase with its reason: `done`, `done, at the token limit`, `cut off: …`, `failed: …`."""
    end = metrics.end
    if isinstance(end, Error):
        return f"failed: {end.message}"
    word = phase(metrics)
    return CUT_OFF if word == "cut off" else word + (_SHORT.get(end.reason, "") if end else "")


_SHORT = {
    "length": ", at the token limit", "filter": ", by the provider's content filter", "refusal": ", refused", "pause": ", paused",
}  # fmt: skip

_FAILED_WITH = {
    "rate_limited": "Rate limited by {}", "overloaded": "{} is overloaded", "timeout": "No answer from {} in time",
    "connection": "The connection to {} failed",
}  # fmt: skip


def retry(data: Mapping[str, Any], host: str) -> str:
    """What a notice `retry` says, as its wait begins: `Rate limited by openai: trying again in 7 s (2 of 3)`."""
    why = _FAILED_WITH.get(str(data.get("code")), "An error at {}").replace("{}", host)
    wait = data.get("wait")
    when = f"trying again in {ceil(wait)} s" if isinstance(wait, int | float) and 0 < wait < EXACT else "trying again now"
    return f"{why}: {when} ({data.get('attempt')} of {data.get('of')})"


_BILLS = {
    "yes": "The connection to {} was closed, which stops the bill.",
    "no": "The connection to {} was closed, but the answer is generated and billed to its end.",
    "unknown": "The connection to {} was closed; whether that stops the bill is not documented.",
}


def bill(end: End | Error | None, host: str) -> str:
    """What a stop does to the bill, in one sentence; empty where nothing is known of one."""
    told = end.cancel_stops_billing if isinstance(end, End) else None
    return _BILLS.get(told or "", "").replace("{}", host)


NEARLY = 20
"""A rate limit of which less than one part in so many is left is told of."""


def limit(data: Mapping[str, Any], host: str) -> str:
    """The rate limit of a notice `rate_limits` that is nearly used up, in one sentence; empty when there is none, or not for a second."""
    for of in ("requests", "tokens", "input_tokens", "output_tokens"):
        left, most, reset = (data.get(f"{what}_{of}") for what in ("remaining", "limit", "reset"))
        wait = ceil(reset) if isinstance(reset, int | float) and 0 <= reset < EXACT else None
        if type(left) is int and type(most) is int and 0 <= left * NEARLY < most and (wait is None or wait > 1):
            until = "" if wait is None else f" for the next {wait:,} s"
            return f"Near the rate limit of {host}: {left:,} of {most:,} {of.replace('_', ' ')} left{until}."
    return ""


NOTES = {
    "length": "The answer ends here because it reached the limit of tokens.",
    "filter": "The provider's content filter ended the answer.",
    "pause": "The provider paused here; the turn can be continued.",
    "superseded": "A newer turn took the place of this one.",
}
"""What is to be said below the text about ends that are not plain."""


def _mark(exact: bool) -> str:
    return "" if exact else "~"
