"""What a call cost, as far as anybody says: its own usage, or its host's prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from . import api
from .errors import TokenwidgetsError
from .result import Result

Prices: TypeAlias = Mapping[str, Mapping[str, float]]
"""USD per token, by the model's name and by input and output."""


async def prices() -> Prices:
    """USD per token, by the model's name, of those whose host tells it."""
    try:
        return {str(model["id"]): model["price"] for model in await api.gateway().models() if model.get("price")}
    except TokenwidgetsError:
        return {}


def cost(result: Result, known: Prices) -> float | None:
    """US dollars of a call: as its usage says, else by its host's prices, without a discount for what was cached; 0 of one that asked no
    model.
    """
    usage, start = result.usage, result.start
    if start is not None and (start.simulated or start.replayed or start.host == "local"):
        return 0.0
    if usage is None:
        return 0.0 if _never_asked(result) else None
    if usage.cost is not None:
        return usage.cost
    price = known.get(result.model, {})
    if "input" not in price or "output" not in price or usage.generated is None:
        return None
    read = sum(n or 0 for n in (usage.input, usage.cache_read, usage.cache_write))
    return read * price["input"] + usage.generated * price["output"]


def _never_asked(result: Result) -> bool:
    """Whether nothing was sent, or the provider refused it before an answer began, which none of them bills."""
    error = result.error
    return error is not None and (error.stage == "connect" or (error.stage == "http" and error.status is not None))
