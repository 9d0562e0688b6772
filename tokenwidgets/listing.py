"""What there is, as tables: in a notebook, and as columns in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

MILLION = 10**6


class Table:
    """Rows that show as a table in a notebook and as columns in a terminal.

    Parameters
    ----------
    head : names of the columns.
    rows : texts.
    """

    def __init__(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.head = head
        self.rows = rows

    def __repr__(self) -> str:
        widths = [max(len(row[i]) for row in (self.head, *self.rows)) for i in range(len(self.head))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (self.head, *self.rows)
        )

    def _repr_html_(self) -> str:
        def line(cells: Sequence[str], tag: str) -> str:
            return "<tr>" + "".join(f'<{tag} style="text-align:left">{escape(cell)}</{tag}>' for cell in cells) + "</tr>"

        return f"<table><thead>{line(self.head, 'th')}</thead><tbody>{''.join(line(row, 'td') for row in self.rows)}</tbody></table>"


class ModelList(list[str]):
    """Names of models, which show as a table with what is known of each.

    Parameters
    ----------
    models : as a gateway gives them.

    Attributes
    ----------
    details : what is known of each, by its name.
    """

    def __init__(self, models: Iterable[Mapping[str, Any]]) -> None:
        self.details = {str(model["id"]): model for model in models}
        super().__init__(self.details)

    def matching(self, text: str) -> ModelList:
        """Those with a text in their row, in small or capital letters."""
        return ModelList(model for model in self.details.values() if text.lower() in " ".join(_row(model)).lower())

    def _table(self) -> Table:
        """The columns in which anything stands."""
        rows = [_row(self.details[name]) for name in self]
        told = [i for i in range(len(HEAD)) if i == 0 or any(row[i] for row in rows)]
        return Table([HEAD[i] for i in told], [[row[i] for i in told] for row in rows])

    def __repr__(self) -> str:
        return repr(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


HEAD = ("model", "context", "can", "USD per million tokens, in / out", "note")


def _row(model: Mapping[str, Any]) -> list[str]:
    context = model.get("context")
    return [
        str(model["id"]),
        f"{context:,}" if context else "",
        ", ".join(model.get("capabilities", ())),
        _price(model.get("price", {})),
        ", ".join(words for sign, words in NOTES.items() if model.get(sign)),
    ]


NOTES = {"simulated": "simulated", "replayed": "a recording", "stale": "an old list: the host does not answer now"}
"""What a sign on a model means."""


def _price(price: Mapping[str, float]) -> str:
    words = [f"{price[kind] * MILLION:.6g}" if kind in price else "?" for kind in ("input", "output")]
    return " / ".join(words) if price else ""
