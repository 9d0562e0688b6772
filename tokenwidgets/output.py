"""A widget in an output cell: a static form that lives in the notebook's file, and comes alive in the page where its model is.

A saved output that holds a widget view shows "model not found" when JupyterLab opens it without its kernel, and never its fallback. So
where the page is Jupyter's own, the output is the static form in an element with the widget's name on it; the widget's model is in the
page all the same, and takes the element's place (`js/src/lib/mount.js`). Elsewhere the output is the ordinary view with the static form
beside it; and where nobody looks (a program executes the notebook) only the static form.
"""

from __future__ import annotations

import contextvars
import sys
from collections import deque
from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from .marimo import in_marimo
from .portal import portal

if TYPE_CHECKING:
    from .clients.base import Place
    from .widgets.base import Widget

VIEW = "application/vnd.jupyter.widget-view+json"

SHOWN_SECONDS = 4.0
"""How long the page may take to say that it found the widget's place; after it the ordinary view is shown: the page may be another
program's, with Jupyter's server behind it."""

LIVE_WIDGETS = 50
"""Finished streams whose output stays alive; older ones keep their static form, and `r.show()` brings the widget back."""

Bundle = Mapping[str, Any]


def in_notebook() -> bool:
    """Whether this process is a kernel, with someone to show widgets to."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def shows_widgets() -> bool:
    """Whether there is a place for widgets: in a notebook of Jupyter's, or of marimo's."""
    return in_notebook() or in_marimo()


def attended() -> bool:
    """Whether somebody looks: programs that execute notebooks take no questions from cells."""
    from IPython import get_ipython

    return bool(getattr(getattr(get_ipython(), "kernel", None), "_allow_stdin", True))


class Output:
    """One widget, shown in the running cell.

    Parameters
    ----------
    widget : what to show.
    static : gives its static form as it is now: `text/html`, `text/markdown`, `text/plain`.
    place : where its streams live; "server" means that the page is likely Jupyter's own.
    stays : whether the view stays where the output is the ordinary view; without it the end leaves the static form.
    """

    def __init__(self, widget: Widget, static: Callable[[], Bundle], place: Place, stays: bool = True) -> None:
        from IPython.display import display

        self.cell = current_cell()
        self._widget = widget
        self._static = static
        self._stays = stays
        self._viewed = attended() and place == "kernel"
        self._over = False
        self._context = contextvars.copy_context()
        self._shown = self._bundle()
        self._handle = display(self._shown, raw=True, display_id=True)
        if attended() and not self._viewed:
            portal().loop.call_soon_threadsafe(portal().loop.call_later, SHOWN_SECONDS, self._unseen)

    def _bundle(self) -> dict[str, Any]:
        static = dict(self._static())
        if self._viewed:
            return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}, **static}
        if attended() and not self._over:
            static["text/html"] = f'<div data-tokenwidgets="{escape(self._widget.mount)}">{static.get("text/html", "")}</div>'
        return static

    def _unseen(self) -> None:
        if not self._widget.shown and not self._over:
            self._viewed = True
            self._update()

    def settle(self) -> None:
        """Keep the static form as it is now; nothing more will change it."""
        self._over = self._viewed and not self._stays
        self._viewed = self._viewed and self._stays
        self._update()
        self._in_cell(self._retire)

    def _in_cell(self, work: Callable[[], None]) -> None:
        """While the cell still runs this is done in its context, so that it belongs to its output; later in none, so that it belongs to
        whatever cell runs then: programs that execute notebooks take no further notice of a cell that is done.
        """
        context = self._context if self.cell == current_cell() else contextvars.Context()
        context.run(work)

    def _update(self) -> None:
        """What is the same is not written again: the page would draw it anew."""
        bundle = self._bundle()  # it takes its time; whether the cell still runs is looked at after it
        if bundle != self._shown:
            self._shown = bundle
            self._in_cell(self._write)
            if not attended():
                self._write_again()

    def _write(self) -> None:
        self._handle.update(self._shown, raw=True)

    def _write_again(self) -> None:
        """In the next cell, if there is one: what comes between two cells a program that executes notebooks takes no notice of."""
        from IPython import get_ipython

        events = get_ipython().events

        def write(_info: object) -> None:
            events.unregister("pre_run_cell", write)
            self._write()

        events.register("pre_run_cell", write)

    def _retire(self) -> None:
        """Give up what nobody sees, and the oldest of what is kept alive. A page that was reloaded has no static form to put in place of
        the view, so it keeps the widget until it shows it no more.
        """
        if not attended():
            self._widget.dispose()
        elif self._over:
            self._widget.when_left(self._widget.dispose)
        else:
            if self._widget in _kept:
                _kept.remove(self._widget)  # it was brought up to date before
            _kept.append(self._widget)
            if len(_kept) > LIVE_WIDGETS:
                _kept.popleft().dispose()


_kept: deque[Widget] = deque()


def current_cell() -> int:
    """The number of the cell that runs, or ran last."""
    from IPython import get_ipython

    return int(get_ipython().execution_count)
