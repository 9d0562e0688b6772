"""Token counts and rate limits of OpenAI's Realtime (wire-formats sections 3.4 and 3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import Notice, Usage
from .untrusted import count, mapping, number, objects, string


def usage(raw: Any) -> Usage | None:
    """What a response's `usage` says, as disjoint counts; None where it says nothing. Sound that was cached counts as cached alone."""
    told = mapping(raw)
    asked, answered = count(told.get("input_tokens")), count(told.get("output_tokens"))
    if asked is None and answered is None:
        return None
    heard, said = mapping(told.get("input_token_details")), mapping(told.get("output_token_details"))
    cached = count(heard.get("cached_tokens"))
    audio_in = _less(count(heard.get("audio_tokens")), count(mapping(heard.get("cached_tokens_details")).get("audio_tokens")))
    audio_out = count(said.get("audio_tokens"))
    return Usage(
        input=_less(asked, cached, audio_in), cache_read=cached, output=_less(answered, audio_out), audio_in=audio_in, audio_out=audio_out
    )


def _less(total: int | None, *parts: int | None) -> int | None:
    return None if total is None else max(0, total - sum(part or 0 for part in parts))


def rate_limits(raw: Mapping[str, Any]) -> list[Notice]:
    """`rate_limits.updated`, under the names that HTTP's headers get."""
    data: dict[str, Any] = {}
    for limit in objects(raw.get("rate_limits") or []):
        name = string(limit.get("name"))[:40]
        for field, ours in (("limit", "limit"), ("remaining", "remaining"), ("reset_seconds", "reset")):
            if name and (n := number(limit.get(field))) is not None:
                data[f"{ours}_{name}"] = n
    return [Notice("rate_limits", data)] if data else []
