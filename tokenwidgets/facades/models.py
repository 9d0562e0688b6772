"""Lists of models in the forms of OpenAI and Anthropic at once: both ask for them at the same path, and their fields do not collide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

UNKNOWN = "1970-01-01T00:00:00Z"
"""What Anthropic says of a model whose age it does not know."""


def model_of(model: Mapping[str, Any]) -> dict[str, Any]:
    """One model; what else is known of it stays, but for its capabilities, which have another form at Anthropic."""
    return {
        **{name: value for name, value in model.items() if name != "capabilities"},
        "object": "model",
        "created": model.get("created", 0),
        "owned_by": model["id"].split("/")[0],
        "type": "model",
        "display_name": model.get("name") or model["id"],
        "created_at": UNKNOWN,
    }


def listed(models: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """All of them; there are no further pages."""
    data = [model_of(model) for model in models]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"object": "list", "data": data, "has_more": False, **ends}
