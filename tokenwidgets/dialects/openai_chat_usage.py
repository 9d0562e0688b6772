"""Token counts of chat completions, made disjoint (wire-formats sections 1.4 and 1.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import Usage, UsageMode
from .base import Profile
from .untrusted import count, mapping, number

TICKS_PER_USD = 10**10
"""xAI's unit of cost: docs.x.ai/developers/cost-tracking, "1 USD = 10,000,000,000 ticks"."""


def usage(raw: Mapping[str, Any], timings: Mapping[str, Any], profile: Profile, mode: UsageMode) -> Usage:
    """What a `usage` object says, as disjoint counts.

    Parameters
    ----------
    raw : the vendor's object; empty when only `timings` came.
    timings : a server's own figures, kept under their own names.
    profile : says whether the output count contains reasoning, where the total does not tell.
    mode : what the counts are.
    """
    asked, made = mapping(raw.get("prompt_tokens_details")), mapping(raw.get("completion_tokens_details"))
    cache_read = _first(asked.get("cached_tokens"), raw.get("prompt_cache_hit_tokens"))
    cache_write, audio_in = count(asked.get("cache_write_tokens")), count(asked.get("audio_tokens"))
    reasoning = _first(made.get("reasoning_tokens"), raw.get("reasoning_tokens"))
    audio_out = count(made.get("audio_tokens"))
    inside = reasoning if _reasoning_inside(raw, reasoning or 0, profile) else 0
    figures = {**timings, **{k: v for k, v in raw.items() if k.endswith("_time") and number(v) is not None}}
    return Usage(
        input=_less(count(raw.get("prompt_tokens")), cache_read, cache_write, audio_in),
        cache_read=cache_read,
        cache_write=cache_write,
        output=_less(count(raw.get("completion_tokens")), inside, audio_out),
        reasoning=reasoning,
        audio_in=audio_in,
        audio_out=audio_out,
        mode=mode,
        cost=_cost(raw),
        timings=figures or None,
    )


def _first(*values: Any) -> int | None:
    return next((n for n in map(count, values) if n is not None), None)


def _less(total: int | None, *parts: int | None) -> int | None:
    """What is left of a total; never below 0, since vendors' parts may exceed it (OpenRouter: 11 reasoning of 10)."""
    return None if total is None else max(0, total - sum(p or 0 for p in parts))


def _reasoning_inside(raw: Mapping[str, Any], reasoning: int, profile: Profile) -> bool:
    """Whether the output count contains it. It does not at xAI, where the total shows it (12 + 2 + 340 = 354)."""
    prompt, completion, total = (count(raw.get(k)) for k in ("prompt_tokens", "completion_tokens", "total_tokens"))
    if reasoning and prompt is not None and completion is not None:
        if total == prompt + completion:
            return True
        if total == prompt + completion + reasoning:
            return False
    return profile.reasoning_in_output


def _cost(raw: Mapping[str, Any]) -> float | None:
    """US dollars: OpenRouter's `cost`, Perplexity's `cost.total_cost`, xAI's ticks."""
    ticks = number(raw.get("cost_in_usd_ticks"))
    if ticks is not None:
        return ticks / TICKS_PER_USD
    cost = raw.get("cost")
    return number(mapping(cost).get("total_cost") if isinstance(cost, dict) else cost)
