"""Token counts of Anthropic's Messages, made disjoint (wire-formats section 4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import Usage, UsageMode
from .untrusted import count, mapping, objects

_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")


def usage(raw: Mapping[str, Any], mode: UsageMode) -> Usage:
    """What a `usage` object says, as disjoint counts.

    Cache reads and writes are outside of the input count, thinking is inside the output count. Where the request ran in several
    iterations (compaction, an advisor, a fallback model), their sum is what was processed; the counts beside them cover only a part.

    Parameters
    ----------
    raw : the vendor's object, put together from all events that hold one.
    mode : what the counts are.
    """
    runs = objects(raw.get("iterations") or [])
    asked, read, written, made = (_sum(runs, name) if runs else count(raw.get(name)) for name in _COUNTS)
    thinking = count(mapping(raw.get("output_tokens_details")).get("thinking_tokens"))
    return Usage(
        input=asked,
        cache_read=read,
        cache_write=written,
        output=None if made is None else max(0, made - (thinking or 0)),
        reasoning=thinking,
        mode=mode,
    )


def _sum(runs: list[Mapping[str, Any]], name: str) -> int | None:
    told = [n for n in (count(run.get(name)) for run in runs) if n is not None]
    return sum(told) if told else None
