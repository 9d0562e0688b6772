"""Token counts of Gemini, made disjoint (wire-formats section 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import Usage, UsageMode
from .untrusted import count, objects, string


def usage(raw: Mapping[str, Any], mode: UsageMode) -> Usage:
    """What a `usageMetadata` object says, as disjoint counts.

    Thoughts are outside of the candidates' count, cached tokens inside the prompt's; what server tools put before the model is beside
    the prompt's count and was processed like it.

    Parameters
    ----------
    raw : the vendor's last object.
    mode : what the counts are.
    """
    cached = count(raw.get("cachedContentTokenCount"))
    heard, heard_before = _audio(raw.get("promptTokensDetails")), _audio(raw.get("cacheTokensDetails"))
    audio_in = None if heard is None else max(0, heard - (heard_before or 0))
    audio_out = _audio(raw.get("candidatesTokensDetails"))
    asked, tools = count(raw.get("promptTokenCount")), count(raw.get("toolUsePromptTokenCount"))
    return Usage(
        input=None if asked is None else max(0, asked + (tools or 0) - (cached or 0) - (audio_in or 0)),
        cache_read=cached,
        output=_less(count(raw.get("candidatesTokenCount")), audio_out),
        reasoning=count(raw.get("thoughtsTokenCount")),
        audio_in=audio_in,
        audio_out=audio_out,
        mode=mode,
    )


def tells(raw: Mapping[str, Any]) -> bool:
    """Whether an object holds a count; Vertex's early ones name only the kind of traffic."""
    return any(name.endswith("TokenCount") for name in raw)


def _less(total: int | None, part: int | None) -> int | None:
    return None if total is None else max(0, total - (part or 0))


def _audio(details: Any) -> int | None:
    counts = [count(d.get("tokenCount")) for d in objects(details or []) if string(d.get("modality")).upper() == "AUDIO"]
    told = [n for n in counts if n is not None]
    return sum(told) if told else None
