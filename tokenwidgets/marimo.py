"""marimo's notebooks. They have no IPython: a cell shows its last expression, and what is appended to its output while it runs."""

from __future__ import annotations

import sys
from typing import Any


def in_marimo() -> bool:
    """Whether a cell of a marimo notebook runs here, so that something can be shown in it."""
    marimo: Any = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def append(shown: object) -> None:
    """Show something below what the running cell shows already."""
    marimo: Any = sys.modules["marimo"]
    marimo.output.append(shown)
