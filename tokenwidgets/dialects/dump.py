"""Writing JSON for a wire."""

from __future__ import annotations

import json
from typing import Any


def dump(value: Any) -> bytes:
    """Compact JSON; a lone surrogate stays an escape, so that any text can be sent."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
