"""A widget as one HTML file that works without kernel, server and net.

The file holds the widget's own module and style, the events and frames of its streams, and a host of a few lines (`js/src/host`) that is
the widget's model and answers its questions. Its content security policy forbids everything else: the one script is named by its hash, and
what is loaded comes out of the file itself. Without scripts it shows the widget's static form.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import TraitType

from .clients.base import Disconnected
from .errors import Refused
from .markup import Html, tag
from .recording import without_secrets

if TYPE_CHECKING:
    from .result import Result
    from .widgets.base import Widget

STATIC = Path(__file__).parent / "static"

_HOSTS = ("layout", "tabbable", "tooltip")
"""Traits that every widget has, of no use without ipywidgets."""


def to_html(widget: Widget, path: Path) -> Path:
    """Write a widget to a file, which is replaced in one step. Streams that still run are waited for.

    Parameters
    ----------
    widget : what to write.
    path : where to.

    Raises
    ------
    OSError : the file cannot be written.
    """
    page = _page(widget, [result.wait() for result in widget.streams])
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        new.write_text(page, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return path


def _page(widget: Widget, results: list[Result]) -> str:
    script = (STATIC / "host.js").read_text(encoding="utf-8")
    style = (STATIC / "host.css").read_text(encoding="utf-8") + _bundled(widget, "_css")
    contents = {
        "module": _bundled(widget, "_esm"),
        "traits": _traits(widget, results),
        "answers": widget.answers(),
        "frames": {result.stream: _frames(result) for result in results},
        "assets": {name: (STATIC / "assets" / f"{name}.js").read_text(encoding="utf-8") for name in widget.parts},
    }
    title = ": ".join(filter(None, [type(widget).__name__, ", ".join(dict.fromkeys(result.model for result in results))]))
    head = [
        tag("title", title),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">'),
        Html('<meta name="viewport" content="width=device-width">'),
        Html(f"<style>{style}</style>"),
    ]
    body = [
        tag("div", Html(widget.static().get("text/html", "")), data_tokenwidgets=widget.mount),
        Html(f'<script type="application/json" id="tokenwidgets">{_inert(contents)}</script>'),
        Html(f'<script type="module">{script}</script>'),
    ]
    return "\n".join(['<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">', *head, "<body>", *body, "</body>\n</html>\n"])


def _bundled(widget: Widget, name: str) -> str:
    """A part of its front end as the class has it: a widget that was closed, as where a program executes the notebook, has given it up."""
    held = (vars(cls).get(name) for cls in type(widget).__mro__)
    return next(str(part) for part in held if part is not None and not isinstance(part, TraitType))


def _policy(script: str) -> str:
    """Nothing but the host, and what it takes out of the file; styles are written to elements as well."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' blob:; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _inert(contents: Any) -> str:
    """JSON in which no text, whatever a model wrote, can end the script or begin a comment."""
    text = json.dumps(contents, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _traits(widget: Widget, results: list[Result]) -> dict[str, Any]:
    """What its front end reads, with the events beside what names their stream."""
    state = widget.get_state({name for name in widget.keys if not name.startswith("_") and name not in _HOSTS})
    if "stream" in state:
        return {**state, "events": _events(results[0])}
    if "runs" not in state:
        return dict(state)
    return {**state, "runs": [{**run, "events": _events(result)} for run, result in zip(state["runs"], results, strict=True)]}


def _events(result: Result) -> list[Any]:
    return [without_secrets(json.loads(entry.data)) for entry in result.journal.entries]


def _frames(result: Result) -> list[Mapping[str, Any]]:
    """The frames, where they are still to be had. As an export is made to be given away, what came is searched for keys too."""
    try:
        frames = result.wire
    except (Refused, Disconnected):
        return []
    return [{**replace(frame, direction="out").body(), "dir": frame.direction} for frame in frames]
