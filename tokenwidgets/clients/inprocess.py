"""The hub inside this process: for hosts without a Jupyter server, and for files that only the kernel can read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..events import Entry
from ..generation import Stream
from ..hub import Hub
from ..provider import Provider
from ..providers.registry import Call, Registry
from ..realtime.inputs import Input
from ..recording import Frame
from ..request import parse
from .base import Limits, Place, Reader, Started

OWNER = "kernel"


class InProcess:
    """The same streams without a server.

    Parameters
    ----------
    why : why they live here, in words a user reads.
    hub : one that is here already; by default a new one.
    """

    place: Place = "kernel"
    transport = "in-process"

    def __init__(self, why: str, hub: Hub | None = None) -> None:
        self.why = why
        self.hub = hub or Hub(Registry(_log_dir()))

    async def start(self, request: Mapping[str, Any]) -> Started:
        """See `Gateway.start`."""
        return _started(self.hub.start(self.hub.registry.request(request), OWNER))

    async def begin(self, call: Call) -> Started:
        """Start a call that no request names, such as the replay of a file."""
        return _started(self.hub.begin(call, OWNER))

    async def input(self, stream: str, given: Sequence[Input]) -> None:
        """See `Gateway.input`."""
        for each in given:
            self.hub.get(stream, OWNER).take(each)

    async def stop(self, stream: str) -> None:
        """See `Gateway.stop`."""
        await self.hub.stop(self.hub.get(stream, OWNER))

    async def snapshot(self, stream: str) -> Mapping[str, Any]:
        """See `Gateway.snapshot`."""
        return self.hub.get(stream, OWNER).snapshot()

    async def wire(self, stream: str) -> list[Frame]:
        """See `Gateway.wire`."""
        return list(self.hub.get(stream, OWNER).frames)

    async def streams(self) -> list[Mapping[str, Any]]:
        """See `Gateway.streams`."""
        return [stream.snapshot() for stream in self.hub.streams(OWNER)]

    async def briefs(self) -> list[Mapping[str, Any]]:
        """See `Gateway.briefs`."""
        return [stream.brief() for stream in self.hub.streams(OWNER)]

    async def limits(self) -> Limits:
        """See `Gateway.limits`."""
        return Limits(asdict(self.hub.limits), {"open_streams": self.hub.running, "total_bytes": self.hub.held})

    async def models(self) -> list[Mapping[str, Any]]:
        """See `Gateway.models`."""
        return await self.hub.registry.models()

    async def hosts(self) -> list[Mapping[str, Any]]:
        """See `Gateway.hosts`."""
        return self.hub.registry.hosts()

    def reader(self) -> Reader:
        """Itself: the journal is at hand."""
        return self

    def reader_over(self, transport: str) -> None:
        """See `Gateway.reader_over`: there is none."""

    async def attach(self, stream: str, after: int) -> AsyncIterator[list[Entry]]:
        """See `Reader.attach`."""
        found = self.hub.get(stream, OWNER)
        with found.attached():
            async for batch in found.journal.read(after):
                yield batch

    async def aclose(self) -> None:
        """Stop every stream and the local model."""
        await self.hub.aclose()


class WithProvider(InProcess):
    """The same hub, for the streams of a provider object.

    Parameters
    ----------
    hub : the hub of this process.
    provider : whom to ask, with its key.
    """

    def __init__(self, hub: Hub, provider: Provider) -> None:
        super().__init__(f"{provider!r} is only in this kernel", hub)
        self.provider = provider

    async def start(self, request: Mapping[str, Any]) -> Started:
        """See `Gateway.start`."""
        checked = parse({**request, "model": self.provider.named(request.get("model"))})
        return await self.begin(self.hub.registry.resolve(checked, self.provider.given))


def _started(stream: Stream) -> Started:
    return Started(stream.id, stream.call.request.model)


def _log_dir() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())
