"""One end of a lane's connection, without I/O, as the simulation moves it."""

from __future__ import annotations

from typing import Any, Protocol

IP_BYTES = 20
"""An IPv4 header (RFC 791)."""

UDP_BYTES = 8
"""A UDP header (RFC 768)."""


class Endpoint(Protocol):
    """Takes packets and instants, gives packets. Instants are µs."""

    @property
    def due(self) -> int | None:
        """When it wants to be woken."""

    def wake(self, now: int) -> None:
        """Its time has come."""

    def receive(self, packet: Any, now: int) -> None:
        """A packet came out of the link."""

    def packets(self) -> list[tuple[int, Any]]:
        """What is to be put on the link now, each with its size in bytes; given once."""
