"""What all widgets share: their place in the page, their messages, and the streams they show."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import anywidget
import traitlets

from .. import api, pages
from ..clients.base import Place
from ..comm import Answer, Comm, Operation
from ..errors import Refused
from ..marimo import append, in_marimo
from ..output import Bundle, Output, attended
from ..recording import Recording
from ..result import Result
from ..transports import TRANSPORTS

STATIC = Path(__file__).parent.parent / "static"
ASSETS = STATIC / "assets"

Source: TypeAlias = Result | Recording | str | Path
"""What a widget can show: a stream, or a recording of one, or the file that holds it."""


def result_of(source: Source) -> Result:
    """The stream that a source is.

    Raises
    ------
    RecordingError : the file is no recording, or cannot be read.
    """
    return source if isinstance(source, Result) else api.load(source)


class Widget(anywidget.AnyWidget):
    """A widget that keeps a static form of itself where it is displayed.

    No trait ever holds a prompt, an answer, a key or a ticket: what a page shows it reads from the server, or asks for over the comm.

    Parameters
    ----------
    results : the streams it shows.
    operations : messages of its page that it answers.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    """Heavy parts of the front end that it may load, which an exported file has to hold."""

    mount = traitlets.Unicode(help="Name of its place in the page.").tag(sync=True)

    def __init__(self, results: Iterable[Result] = (), operations: Mapping[str, Operation] | None = None, **traits: Any) -> None:
        super().__init__(mount=secrets.token_urlsafe(9), **traits)
        self.shown = False
        self._left: Callable[[], None] | None = None
        self._output: Output | None = None
        own = {"asset": _asset, "shown": self._on_shown, "left": self._on_left, "news": self._on_news, "attached": _nothing}
        self.messages = Comm(self, results, {**own, **(operations or {})})

    async def _on_shown(self, content: Mapping[str, Any]) -> Answer:
        self.shown = True
        pages.told(content)
        return None

    async def _on_left(self, _: Mapping[str, Any]) -> Answer:
        self.shown = False
        if self._left:
            self._left()
        return None

    async def _on_news(self, _: Mapping[str, Any]) -> Answer:
        """A page that has heard nothing for a while may have missed a change of the traits.

        Those that the reader moves (tagged `moved`) are left to the page: the kernel may not have heard of the last move.
        """
        await self.messages.turn()
        own = set(self.trait_names(sync=True, moved=None))
        self.send_state(sorted({name for name in own if not name.startswith("_")} - _INHERITED))
        return None

    def when_left(self, callback: Callable[[], None]) -> None:
        """Call once no page shows it, which may be now."""
        self._left = callback
        if not self.shown:
            callback()

    def static(self) -> Bundle:
        """The form of it that needs no kernel and no script: `text/html`, `text/markdown`, `text/plain`."""
        raise NotImplementedError

    @property
    def streams(self) -> list[Result]:
        """The streams it shows."""
        return []

    def answers(self) -> Mapping[str, Any]:
        """What an exported file answers its page, by the name of the operation: what there is beside traits and streams."""
        return {}

    def to_html(self, path: str | Path | None = None) -> Path:
        """Write it to one HTML file that works without kernel, server and net, and holds all it shows. Returns the file's path.

        Parameters
        ----------
        path : where to; by default a file of the widget's name in the current directory.
        """
        from ..export import to_html

        return to_html(self, Path(path or f"{type(self).__name__.lower()}.html").expanduser())

    @property
    def origin(self) -> Place:
        """Where this kernel's streams live: in a Jupyter server, which is then likely the page's own, or in the kernel."""
        return api.gateway().place

    @property
    def finished(self) -> bool:
        """Whether what it shows changes no more by itself."""
        return all(stream.done for stream in self.streams)

    def display(self, static: Callable[[], Bundle], place: Place, stays: bool = True) -> Output:
        """Show it in the running cell. See `Output`."""
        self._output = Output(self, static, place, stays)
        return self._output

    def show(self) -> None:
        """Show it in the running cell."""
        if in_marimo():
            append(self)
            return
        self.display(self.static, self.origin)
        if self.finished and not attended():
            self.refresh()  # nobody looks, nothing more comes, and what is kept of the widget would only weigh

    def _ipython_display_(self) -> None:
        self.show()

    def refresh(self) -> None:
        """Bring the static form up to date with what there is now; the live one is not disturbed."""
        if self._output is not None:
            self._output.settle()

    def dispose(self) -> None:
        """Close it for good. Programs that execute notebooks save the state of closed widgets too, so the bundle is taken out first."""
        self.messages.close()
        with self.hold_sync():
            self.set_trait("_esm", "export default {}")
            self.set_trait("_css", "")
        layout = self.layout
        self.close()
        layout.close()


class StreamWidget(Widget):
    """A widget of one stream.

    Parameters
    ----------
    source : the stream, or a recording of one.
    operations : messages of its page that it answers.
    """

    stream = traitlets.Unicode("", help="Id of the stream; empty until it is known.").tag(sync=True)
    model = traitlets.Unicode("", help="The model that was asked for.").tag(sync=True)
    transport = traitlets.Enum(TRANSPORTS, "auto", help="How the page is to read.").tag(sync=True)
    place = traitlets.Enum(["server", "kernel"], "server", help="Where the stream lives.").tag(sync=True)
    ended = traitlets.Int(-1, help="The last seq, once the kernel knows that the stream has ended.").tag(sync=True)
    error = traitlets.Unicode("", help="Why no stream could be started.").tag(sync=True)

    def __init__(self, source: Source, operations: Mapping[str, Operation] | None = None, **traits: Any) -> None:
        self.result = result = result_of(source)
        super().__init__([result], operations, **{**run_of(result), **traits})
        follow(result, self.messages, self._news)

    def _news(self) -> None:
        run = run_of(self.result)
        with self.hold_sync():
            for name in ("model", "stream", "transport", "ended", "error"):
                if getattr(self, name) != run[name]:
                    setattr(self, name, run[name])
        if self.result.done:
            self.refresh()

    @property
    def streams(self) -> list[Result]:
        """See `Widget.streams`."""
        return [self.result]


class RunsWidget(Widget):
    """A widget of several streams.

    Parameters
    ----------
    sources : the streams, or recordings of them; a mapping gives their labels.
    operations : messages of its page that it answers.
    given : of each run the traits over those that its stream has.
    """

    runs = traitlets.List(traitlets.Dict(), help="The streams, each with the traits of a `StreamWidget` and a `label`.").tag(sync=True)

    def __init__(
        self,
        *sources: Source | Mapping[str, Source],
        operations: Mapping[str, Operation] | None = None,
        given: Iterable[Mapping[str, Any]] = (),
        **traits: Any,
    ) -> None:
        named = [pair for source in sources for pair in (source.items() if isinstance(source, Mapping) else [("", source)])]
        self.results = [result_of(source) for _, source in named]
        self._labels = [label for label, _ in named]
        self._given = [_given(*each) for each in zip(self._labels, chain(given, repeat({})), strict=False)]
        super().__init__(self.results, operations, runs=self._runs(), **traits)
        for result in self.results:
            follow(result, self.messages, self._news)

    def add(self, source: Source, label: str = "", **traits: Any) -> None:
        """Show one more stream.

        Parameters
        ----------
        source : the stream, or a recording of one.
        label : what it is called; by default its model.
        traits : of its run, over those that the stream itself has.
        """
        result = result_of(source)
        self.results.append(result)
        self._labels.append(label)
        self._given.append(_given(label, traits))
        self.messages.add(result)
        self._news()
        follow(result, self.messages, self._news)

    @property
    def streams(self) -> list[Result]:
        """See `Widget.streams`."""
        return self.results

    def _runs(self) -> list[dict[str, Any]]:
        return [{**run_of(result), **given} for result, given in zip(self.results, self._given, strict=True)]

    def _news(self) -> None:
        runs = self._runs()
        if runs != self.runs:
            self.runs = runs
            if all(result.done for result in self.results):
                self.refresh()


def _given(label: str, traits: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"label": label, **traits}


def run_of(result: Result) -> dict[str, Any]:
    """What a page needs to know of a stream to show it."""
    return {
        "stream": result.stream,
        "model": result.model,
        "transport": result.wanted if result.wanted in TRANSPORTS else "auto",
        "place": result.gateway.place,
        "ended": len(result.journal.entries) - 1 if result.done else -1,
        "error": "" if result.stream or not result.error else result.error.message,
    }


def follow(result: Result, messages: Comm, news: Callable[[], None]) -> None:
    """Tell a widget when its stream has a name and when it has ended; push it to a page that has no other way to it."""
    known = ""
    wanted = result.wanted

    def changed() -> None:
        nonlocal known, wanted
        if result.stream and not known:
            known = result.stream
            news()
            if result.gateway.place == "kernel" or result.transport == "comm":
                messages.push(result)
        if result.done or result.wanted != wanted:
            wanted = result.wanted
            news()

    result.watch(changed)
    changed()


_INHERITED = frozenset(anywidget.AnyWidget.class_trait_names(sync=True))


async def _asset(content: Mapping[str, Any]) -> Answer:
    """A heavy part of the front end, for a page that can reach no server."""
    name = str(content.get("name"))
    file = ASSETS / f"{name}.js"
    if file.parent != ASSETS or not file.is_file():
        raise Refused("not_found", f"There is no part of the front end named {name!r}.")
    return {"text": file.read_text(encoding="utf-8")}


async def _nothing(_: Mapping[str, Any]) -> Answer:
    """Heard, and of no concern to this widget."""
    return None
