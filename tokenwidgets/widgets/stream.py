"""The live view of one stream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import traitlets

from ..card import Format
from ..code import programs
from ..comm import Answer
from ..continuation import going_on, why_not
from ..errors import Refused
from ..output import Bundle
from ..result import Result
from .base import STATIC, RunsWidget, Source

ANSWERS = 20
"""Answers of one card; to ask once more, the cell is run again."""


class TokenStream(RunsWidget):
    """Live text, phase, clock and figures of a stream, with Stop; after its end with Retry, Continue, Copy, Save recording and Show code.

    Where the page can reach the Jupyter server that holds the stream, it reads it from there over the transport asked for; elsewhere the
    kernel sends it over the widget's comm. Retry and Continue begin a further stream in the same card; `results` has them all.

    Parameters
    ----------
    source : the stream, or a recording of one.
    format : how the answer is set: markdown, text, json or code.
    """

    _esm = STATIC / "stream.js"
    _css = STATIC / "stream.css"
    parts = ("highlight", "math", "latency-chart")

    format = traitlets.Enum(get_args(Format), "markdown", help="How the answer is set.").tag(sync=True)
    version = traitlets.Int(0, help="Which of the streams is shown.").tag(sync=True, moved=True)

    def __init__(self, source: Source, format: Format = "markdown") -> None:
        operations = {
            "attached": self._attached, "offers": self._offers, "retry": self._retry, "continue": self._continue, "save": self._save,
            "code": self._code,
        }  # fmt: skip
        super().__init__(source, operations=operations, format=format)
        self.observe(lambda _: self.refresh(), "version")

    @property
    def result(self) -> Result:
        """The stream that is shown."""
        return self.results[self.version]

    @property
    def settled(self) -> Result:
        """The stream that is shown; while it runs, the one that ended last."""
        ended = [result for result in self.results if result.done]
        return ended[-1] if ended and not self.result.done else self.result

    def static(self) -> Bundle:
        """See `Widget.static`."""
        from ..display import bundle

        return bundle(self.settled, self.format)

    def _one(self, content: Mapping[str, Any]) -> Result:
        version = content.get("version")
        if type(version) is not int or not 0 <= version < len(self.results):
            raise Refused("not_found", "This card has no such answer.")
        return self.results[version]

    async def _attached(self, content: Mapping[str, Any]) -> Answer:
        match content:
            case {"stream": str(stream), "transport": str(transport), "why": str(why)}:
                for result in self.results:
                    if result.stream == stream:
                        result.transport, result.why = transport, why
                        result.wanted = content.get("wanted", result.wanted)
        return None

    async def _offers(self, content: Mapping[str, Any]) -> Answer:
        """Why each thing cannot be done, in a sentence that is empty where it can."""
        result = self._one(content)
        known = "" if _is_known(result) else "What was asked is not known here."
        return {"retry": known, "continue": why_not(result.request, result.journal.entries), "code": _why_no_code(result)}

    async def _retry(self, content: Mapping[str, Any]) -> Answer:
        result = self._one(content)
        if not _is_known(result):
            raise Refused("bad_request", "This cannot be asked again: the stream was opened by its id, or replayed.")
        return self._begin(result, result.request)

    async def _continue(self, content: Mapping[str, Any]) -> Answer:
        result = self._one(content)
        return self._begin(result, going_on(result.request, result.journal.entries), self.results.index(result))

    def _begin(self, like: Result, request: Mapping[str, Any], after: int = -1) -> Answer:
        if len(self.results) >= ANSWERS:
            raise Refused("limit", f"A card holds at most {ANSWERS} answers: run the cell again.")
        transport = self.runs[0]["transport"]
        result = Result(like.gateway, request, transport)
        result.origin, result.structure = like.origin, like.structure
        with self.hold_sync():
            self.add(result.begin(), continues=after)
            self.version = len(self.results) - 1
        return None

    async def _save(self, content: Mapping[str, Any]) -> Answer:
        path = _free(self._one(content).model)
        await self._one(content).saving(path)
        return {"name": path.name, "folder": str(path.parent)}

    async def _code(self, content: Mapping[str, Any]) -> Answer:
        return {"programs": programs(self._one(content).request)}


def _is_known(result: Result) -> bool:
    return "prompt" in result.request or "messages" in result.request


def _why_no_code(result: Result) -> str:
    try:
        result.code()
    except Refused as e:
        return str(e)
    return ""


def _free(model: str) -> Path:
    """A name in the kernel's directory that no file has: of the model and the time."""
    stem = f"{re.sub(r'[^A-Za-z0-9.]+', '-', model).strip('-') or 'stream'}-{datetime.now():%Y%m%d-%H%M%S}"
    names = (f"{stem}{f'-{n}' if n else ''}.jsonl" for n in range(1_000_000))
    return next(path for name in names if not (path := Path.cwd() / name).exists())
