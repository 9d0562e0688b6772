"""Showing a result without a notebook: the answer on standard output as it comes, the line of figures on standard error."""

from __future__ import annotations

import atexit
import importlib
import re
import signal
import sys
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

from .events import Notice
from .figures import bill, line, outcome, retry
from .interrupts import Stoppable
from .markup import clean
from .metrics import delta
from .portal import portal

if TYPE_CHECKING:
    from .result import Result


class Terminal:
    """Prints the answer on standard output as it comes, and the line of figures on standard error.

    Parameters
    ----------
    result : what to print; the program does not end before it has.
    """

    def __init__(self, result: Result) -> None:
        self._cursor = 0
        self._half = ""
        self._line_open = False
        _printing.add(result)

    def started(self, result: Result) -> None:
        """See `Display`."""

    def changed(self, result: Result) -> None:
        """See `Display`."""
        entries = result.journal.entries[self._cursor :]
        self._cursor += len(entries)
        for notice in (e.event for e in entries if isinstance(e.event, Notice) and e.event.kind == "retry"):
            self._tell(retry(notice.data, result.start.host if result.start else "the provider"))
        text = self._half + "".join(delta(e) for e in entries if e.event.type in ("text", "refusal"))
        whole = _FIRST_HALF.sub("", text)
        self._half = text[len(whole) :]
        self._print(whole, result)

    def ended(self, result: Result) -> None:
        """See `Display`."""
        self.changed(result)
        if self._half or self._line_open:
            self._print(self._half + "\n", result)
        figures = result.metrics
        ending = outcome(figures)
        notes = [ending] if ending != "done" else []
        origin = [word for word in ("simulated", "replayed") if result.start and getattr(result.start, word)]
        self._tell(" · ".join([*notes, line(figures), result.model, *origin]))
        if result.start and not result.start.replayed and (told := bill(figures.end, result.start.host)):
            self._tell(told)

    def _tell(self, words: str) -> None:
        print(clean(words), file=sys.stderr)  # noqa: T201 (this is the terminal's display)

    def _print(self, text: str, result: Result) -> None:
        if not text:
            return
        code = sys.stdout.encoding or "utf-8"
        self._line_open = not text.endswith("\n")
        try:
            sys.stdout.write(clean(text).encode(code, "replace").decode(code))
            sys.stdout.flush()
        except BrokenPipeError:
            portal().submit(result.stopping())  # whoever read this program's output has gone
            raise


_FIRST_HALF = re.compile(r"[\ud800-\udbff]\Z")
"""The first half of a character whose second half comes with the next piece."""

_printing: WeakSet[Stoppable] = WeakSet()


def outlives(shown: Stoppable) -> None:
    """Let the program not end before it has ended."""
    _printing.add(shown)


def _outlive() -> None:
    """A script may have nothing else to do than to print its answers: wait for them at its end.

    An interrupt stops them, be it the one that ended the script or one that comes now. So does leaving a prompt.
    """
    try:
        for result in list(_printing):
            if hasattr(sys, "ps1") or getattr(sys, "last_type", None) is KeyboardInterrupt:
                result.stop()
            result.wait()
    except KeyboardInterrupt:
        for result in list(_printing):
            result.stop()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)  # ends as an interrupted program ends, with the status that says so


# Before Python forbids new work to the executors that name resolution needs, which is before `atexit`: last registered, first called.
importlib.import_module("concurrent.futures.thread")
getattr(threading, "_register_atexit", atexit.register)(_outlive)
