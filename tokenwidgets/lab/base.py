"""What the lab's backends take and tell. A backend is a link with lanes across it; which one it is stands beside every figure.

`tun` loses real IP packets under the kernel's own TCP, `relay` real UDP datagrams, `model` computes what would have become of packets
(simulated), `recorded` shows an earlier run of `tun` again. Instants are µs since the run began, of one clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Lane = Literal["sse", "ws", "webrtc-ordered", "webrtc-unordered", "webrtc"]
"""Transports as `transport=` names them: `webrtc` is the loss-tolerant channel, the others with that name reliable ones."""

LANES: Mapping[Lane, str] = {
    "sse": "SSE",
    "ws": "WebSocket",
    "webrtc-ordered": "data channel, ordered",
    "webrtc-unordered": "data channel, unordered",
    "webrtc": "data channel, loss-tolerant",
}
"""Every lane, in the order they are shown, and its name in words."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """What the link does to packets, in each direction alike.

    Parameters
    ----------
    loss : share of the packets lost, 0 to 1.
    burst : how many packets are lost in a row, on average; 1: each by itself (Gilbert-Elliott beyond).
    delay_ms : one way.
    jitter_ms : up to so much more, evenly spread; packets overtake each other.
    kbit_s : the link's rate; None: none that would matter.
    cut : whether nothing passes at all.
    """

    loss: float = 0.0
    burst: float = 1.0
    delay_ms: float = 50.0
    jitter_ms: float = 0.0
    kbit_s: float | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run.

    Parameters
    ----------
    lanes : each reads the same stream.
    tokens : how many; 0: until the run is closed.
    rate : tokens a second.
    impairment : at the beginning; `Run.change` changes it.
    seed : of the link's chances and the source's words.
    """

    lanes: tuple[Lane, ...] = ("sse", "ws", "webrtc-ordered", "webrtc")
    tokens: int = 250
    rate: float = 25.0
    impairment: Impairment = field(default_factory=Impairment)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Given:
    """The source gave a token: from here on every lane's delay counts."""

    seq: int
    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A lane's client on the far side could show the token: it and all before it were there."""

    lane: Lane
    seq: int
    at: int


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet entered the link, and leaves it at `to`; or `lost` says why it does not: `loss`, `queue` (the rate's) or `cut`."""

    lane: Lane
    forward: bool
    size: int
    at: int
    to: int
    lost: Literal["loss", "queue", "cut"] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A lane has shown the stream's end, or gave up, and why."""

    lane: Lane
    at: int
    failed: str = ""


Report = Given | Shown | Packet | Ended


class Run(Protocol):
    """A plan that is being run."""

    @property
    def about(self) -> Mapping[str, object]:
        """The row's provenance: backend, congestion control, the kernel, round-trip time, loss model, seed; once it has ended, also the
        drops and the emulator's own lateness.
        """

    def __aiter__(self) -> AsyncIterator[Report]:
        """What happens, as it does; ends when every lane has ended."""

    def change(self, impairment: Impairment) -> None:
        """Impair the link otherwise from now on."""

    async def close(self) -> None:
        """End it: nothing of it is left in the system, no process, namespace or device."""


class Backend(Protocol):
    """A way to impair a link."""

    @property
    def name(self) -> Literal["tun", "relay", "model", "recorded"]:
        """Which."""

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Those it can carry."""

    def why_not(self) -> str:
        """Why it cannot run here, in a sentence that says what would help; empty where it can."""

    async def run(self, plan: Plan) -> Run:
        """Begin.

        Raises
        ------
        Refused : the plan asks for what the backend cannot do.
        """
