"""`tw.doctor()`: what works here, and why what does not."""

from __future__ import annotations

import html
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from . import api, pages
from .clients.base import Disconnected
from .clients.rest import Rest
from .errors import Refused, TokenwidgetsError
from .marimo import in_marimo
from .output import in_notebook
from .portal import portal
from .providers import config, local
from .runtime import version

PACKAGES = (
    "anywidget", "ipywidgets", "ipykernel", "jupyter-server", "jupyterlab", "notebook", "marimo", "httpx", "websockets", "aiortc",
    "xllamacpp",
)  # fmt: skip


HELD = "whether a proxy on the way to the page holds events back, tw.compare(…, transports=['sse', 'ws']) tells in this notebook"
"""What no look from here can tell: the way is the page's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it works, the reason or the way out, and whether it is to be mended.

    What simply is not here, such as a page beside a terminal, does not work and is nothing wrong.
    """

    what: str
    works: bool
    why: str
    wrong: bool = False


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
    return Diagnosis(
        [
            _versions(), _notebook(), _page(), *_server(), _transports(), _webrtc(), _subshells(), _parts(), _configuration(), _local(),
            _keys(),
        ]
    )  # fmt: skip


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
    if in_marimo():
        return Finding("widgets", True, "this is a marimo notebook")
    if "google.colab" in sys.modules:
        return Finding("widgets", True, "this is a Colab kernel")
    return Finding("widgets", in_notebook(), "this is a Jupyter kernel" if in_notebook() else "no notebook: answers are printed")


def _page() -> Finding:
    page = pages.latest()
    if page is None:
        return Finding("page", False, "none has shown a widget yet: show one, then ask again")
    way = "it came from a Jupyter server" if page.server else "it can reach no Jupyter server"
    return Finding("page", True, f"{page.host or 'one that does not say what it is'}, and {way}")


def _server() -> list[Finding]:
    place = api.gateway()
    if not isinstance(place, Rest):
        return [Finding("Jupyter server", False, f"{place.why}; streams live in this process, and pages are fed over comm")]
    try:
        answer = portal().run(place.capabilities())
    except (Refused, Disconnected) as e:
        return [Finding("Jupyter server", False, str(e), wrong=True)]
    return [Finding("Jupyter server", True, f"{place.why}, tokenwidgets {answer['version']}, {', '.join(answer['transports'])}")]


def _transports() -> Finding:
    page = pages.latest()
    if not isinstance(api.gateway(), Rest):
        return Finding("transports", True, "comm, as streams live in this process")
    if page is None:
        return Finding("transports", True, "comm in every page; WebSocket, SSE and WebRTC in a page of the Jupyter server")
    if not page.server:
        return Finding("transports", True, "comm, as the page can reach no server")
    return Finding("transports", True, f"WebSocket, SSE, WebRTC and comm; {HELD}")


def _webrtc() -> Finding:
    page = pages.latest()
    if not isinstance(api.gateway(), Rest):
        return Finding("WebRTC", False, "it needs a Jupyter server, and streams live in this process")
    if page and not (page.webrtc and page.server):
        return Finding("WebRTC", False, "the page can reach no Jupyter server" if page.webrtc else "the page's browser has none")
    from aioice import ice

    if not ice.get_host_addresses(use_ipv4=True, use_ipv6=True):
        return Finding("WebRTC", False, "this machine has no network interface beside the loopback")
    return Finding("WebRTC", True, "possible where the page's machine reaches this one over UDP")


def _subshells() -> Finding:
    if not in_notebook():
        return Finding("subshells", False, "only Jupyter's kernels have them: widgets are heard while no cell runs")
    from IPython import get_ipython

    if "kernel subshells" in get_ipython().kernel.kernel_info.get("supported_features", ()):
        return Finding("subshells", True, "widgets are heard while a cell runs, in front ends that use them such as JupyterLab")
    return Finding("subshells", False, "widgets that need the kernel are heard when the running cell has ended; ipykernel 7 has them")


def _parts() -> Finding:
    from .widgets.base import ASSETS

    names = sorted(file.stem for file in ASSETS.glob("*.js"))
    words = f"{', '.join(names)}: pages load them from the Jupyter server or over comm, never from the net"
    return Finding("heavy parts", bool(names), words if names else "none is in this installation: install the package again", not names)


def _configuration() -> Finding:
    try:
        settings = config.load()
    except TokenwidgetsError as e:
        return Finding("configuration", False, str(e), wrong=True)
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
        return Finding("provider keys", False, str(e), wrong=True)
    if problems := list(dict.fromkeys(key["problem"] for key in keys.values() if "problem" in key)):
        return Finding("provider keys", False, " ".join(problems), wrong=True)  # one of keys.toml is every host's, and said once
    present = [f"{name} (from {key['source']})" for name, key in keys.items() if key["present"]]
    return Finding("provider keys", bool(present), ", ".join(present) or "none; sim, replay and local need none")
