"""One line that tells how far something is: a line of the cell's output that changes, or of a terminal."""

from __future__ import annotations

import contextvars
import sys
import time
from collections.abc import Callable

from .markup import clean, tag
from .output import in_notebook
from .skin import CODE, QUIET

EVERY_SECONDS = 0.5
"""The line changes no oftener; its last word always stands."""


class Progress:
    """A line that is shown at once.

    Parameters
    ----------
    words : gives the line as it is now.
    clock : seconds; a seam.
    """

    def __init__(self, words: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._words = words
        self._clock = clock
        self._next = clock() + EVERY_SECONDS
        self._context = contextvars.copy_context()
        self._handle = None
        if in_notebook():
            from IPython.display import display

            self._handle = display(_bundle(words()), raw=True, display_id=True)

    def update(self, last: bool = False) -> None:
        """Tell how far it is now, if the line may change.

        Parameters
        ----------
        last : whether it is the last word.
        """
        if not last and self._clock() < self._next:
            return
        self._next = self._clock() + EVERY_SECONDS
        if self._handle is not None:
            self._context.run(self._handle.update, _bundle(self._words()), raw=True)
        elif not in_notebook() and (last or sys.stderr.isatty()):
            sys.stderr.write(f"\r\x1b[K{clean(self._words())}" if sys.stderr.isatty() else clean(self._words()))
            sys.stderr.write("\n" if last else "")
            sys.stderr.flush()


def _bundle(words: str) -> dict[str, str]:
    return {"text/plain": clean(words), "text/html": tag("div", words, style=f"margin:4px 0;font:12px/1.45 {CODE};color:{QUIET}")}
