"""A comparison as a table of its calls: a row each, with every figure, for whoever computes further."""

from __future__ import annotations

import csv as writer
import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import TokenwidgetsError
from ..findings_file import measured

if TYPE_CHECKING:
    from ..findings import Findings

FORMULA = ("=", "+", "-", "@", "\t")
"""What a spreadsheet takes for the beginning of a formula."""


def rows(of: Findings) -> list[dict[str, Any]]:
    """One dictionary a call, in the order in which they were made; units are those of the definitions."""
    figures = measured(of)
    return [
        {
            "call": number, "round": trial.round, "contender": of.arms[trial.arm].label, "place": trial.place, "cold": trial.cold,
            "opened": trial.opened, "at_seconds": trial.at, "cost_usd": trial.cost, "failure": "; ".join(trial.failures.values()),
            **{name: trial.figures.get(name) for name in figures},
            **{f"behind_{way}": trial.behind.get(way) for way in of.transports},
            **{f"{leg}_{way}": found["median_us"] for way, legs in trial.legs.items() for leg, found in legs.items()},
        }
        for number, trial in enumerate(of.trials, 1)
    ]  # fmt: skip


def csv(of: Findings) -> bytes:
    """As comma-separated values; what is not known is empty."""
    found, file = rows(of), io.StringIO(newline="")
    out = writer.DictWriter(file, [*dict.fromkeys(name for row in found for name in row)] or ["call"])
    out.writeheader()
    out.writerows({name: _inert(value) for name, value in row.items()} for row in found)
    return file.getvalue().encode("utf-8", "replace")


def _inert(value: Any) -> Any:
    """A provider's words are no formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def parquet(of: Findings) -> bytes:
    """As Parquet.

    Raises
    ------
    TokenwidgetsError : pandas or pyarrow is not installed.
    """
    try:
        import pandas

        import_module("pyarrow")
    except ImportError:
        raise TokenwidgetsError("Parquet needs pandas and pyarrow: pip install 'tokenwidgets[data]' pyarrow.") from None
    file = io.BytesIO()
    pandas.DataFrame(rows(of)).to_parquet(file, engine="pyarrow", index=False)
    return file.getvalue()
