"""`tw.doctor()`: what works here, and why what does not."""

from __future__ import annotations

import html
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from . import api
from .clients.base import Disconnected
from .clients.rest import Rest
from .errors import Refused, TokenwidgetsError
from .output import in_notebook
from .portal import portal
from .providers import config, local
from .runtime import version

PACKAGES = ("anywidget", "ipywidgets", "jupyter-server", "jupyterlab", "httpx", "websockets", "aiortc", "xllamacpp")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it works, and the reason or the way out."""

    what: str
    works: bool
    why: str


class Diagnosis(Sequence[Finding]):
    """The findings, as a table wherever they are shown."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = list(findings)

    def __getitem__(self, index):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN204 (Sequence's own overloads)
        return self._findings[index]

    def __len__(self) -> int:
        return len(self._findings)

    def __repr__(self) -> str:
        return "\n".join(f"{'yes' if f.works else 'no ':3}  {f.what}: {f.why}" for f in self._findings)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{'yes' if f.works else 'no'}</td><td style='text-align:left'>{html.escape(f.what)}</td>"
            f"<td style='text-align:left'>{html.escape(f.why)}</td></tr>"
            for f in self._findings
        )
        return f"<table><thead><tr><th>works</th><th>what</th><th>why</th></tr></thead><tbody>{rows}</tbody></table>"


def doctor() -> Diagnosis:
    """Look at everything a stream needs here; costs nothing and calls no provider."""
    return Diagnosis([_versions(), _notebook(), *_server(), _configuration(), _local(), _keys()])


def _versions() -> Finding:
    return Finding(
        "versions",
        True,
        f"tokenwidgets {version()}, Python {platform.python_version()}, " + ", ".join(filter(None, map(_installed, PACKAGES))),
    )


def _installed(name: str) -> str:
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return ""


def _notebook() -> Finding:
    return Finding("widgets", in_notebook(), "this is a Jupyter kernel" if in_notebook() else "no notebook: answers are printed")


def _server() -> list[Finding]:
    place = api.gateway()
    if not isinstance(place, Rest):
        return [Finding("Jupyter server", False, f"{place.why}; streams live in this process, and pages are fed over comm")]
    try:
        answer = portal().run(place.capabilities())
    except (Refused, Disconnected) as e:
        return [Finding("Jupyter server", False, str(e))]
    return [Finding("Jupyter server", True, f"{place.why}, tokenwidgets {answer['version']}, {', '.join(answer['transports'])}")]


def _configuration() -> Finding:
    try:
        settings = config.load()
    except TokenwidgetsError as e:
        return Finding("configuration", False, str(e))
    return Finding("configuration", True, f"{settings.path} is {'read' if settings.path.exists() else 'not there, which is fine'}")


def _local() -> Finding:
    try:
        files = config.load().local_models
    except TokenwidgetsError:
        files = {}
    works = local.can_run(files)
    return Finding("local model", works, ", ".join(local.models(files)) if works else local.HOW_TO_GET)


def _keys() -> Finding:
    try:
        keys = {h["name"]: h["key"] for h in api.hosts()}
    except TokenwidgetsError as e:
        return Finding("provider keys", False, str(e))
    if problems := list(dict.fromkeys(key["problem"] for key in keys.values() if "problem" in key)):
        return Finding("provider keys", False, " ".join(problems))  # one of keys.toml is every host's, and said once
    present = [f"{name} (from {key['source']})" for name, key in keys.items() if key["present"]]
    return Finding("provider keys", bool(present), ", ".join(present) or "none; sim, replay and local need none")
