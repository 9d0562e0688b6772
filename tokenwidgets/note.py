"""One quiet line in the output: a cell's, else standard error."""

from __future__ import annotations

import sys

from .markup import clean, tag
from .output import current_cell, in_notebook

_STYLE = (
    "margin:4px 0;font:12px/1.45 var(--jp-code-font-family,monospace);color:var(--jp-ui-font-color2,inherit);"
    "white-space:pre-wrap;overflow-wrap:anywhere"
)


def note(words: str) -> None:
    """Show a line of text, of which nothing is markup."""
    if not in_notebook():
        print(clean(words), file=sys.stderr)  # noqa: T201 (this is the terminal's display)
        return
    from IPython.display import display

    display({"text/plain": clean(words), "text/html": tag("div", words, style=_STYLE)}, raw=True)


def cell() -> int | None:
    """The number of the cell that runs; None outside of notebooks."""
    return current_cell() if in_notebook() else None
