"""A stream as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .errors import TokenwidgetsError
from .events import Entry
from .metrics import delta, is_content

if TYPE_CHECKING:
    import pandas


def tokens(entries: Sequence[Entry], received: Sequence[int | None] = ()) -> pandas.DataFrame:
    """One row a chunk of content.

    Parameters
    ----------
    entries : of one stream.
    received : for each entry, when this reader got it, µs on the reader's own clock.

    Raises
    ------
    TokenwidgetsError : pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise TokenwidgetsError("Tables need pandas: pip install 'tokenwidgets[data]'.") from None
    stamps = list(received) + [None] * (len(entries) - len(received))
    rows = [(e.seq, e.at, stamp, e.event.type, delta(e)) for e, stamp in zip(entries, stamps, strict=True) if is_content(e)]
    return pandas.DataFrame(rows, columns=["seq", "at", "received", "kind", "text"])
