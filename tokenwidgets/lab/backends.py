"""The lab's backends, the best first. Each is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Literal, get_args

from ..errors import Refused
from .base import Backend

Name = Literal["tun", "model", "relay", "recorded"]

NAMES: tuple[Name, ...] = get_args(Name)

TAGS: Mapping[str, str] = {"tun": "real packets", "model": "simulated", "relay": "real datagrams", "recorded": "recorded"}
"""What stands beside every figure."""

WORDS: Mapping[str, str] = {
    "tun": "Real IP packets are lost, under this machine's own TCP.",
    "model": "Simulated: what would become of packets is computed, TCP and SCTP are imitated, nothing is sent.",
    "relay": "Real WebRTC datagrams are lost on their way through a relay; TCP has no such way.",
    "recorded": "Recorded: an earlier run of tun is shown again.",
}


@cache
def backend(name: str) -> Backend:
    """The backend of a name.

    Raises
    ------
    Refused : there is none.
    """
    if name not in NAMES:
        raise Refused("bad_request", f"There is no backend {name!r}: it is {', '.join(NAMES[:-1])} or {NAMES[-1]}.")
    made: Backend = getattr(import_module(f"{__package__}.{name}"), name.title())()
    return made


@cache
def why_not(name: str) -> str:
    """Why it cannot run here, tried once; empty where it can."""
    return backend(name).why_not()


def best() -> Name:
    """The first that can impair every lane and runs here: real packets, or else the simulation."""
    return "model" if why_not("tun") else "tun"


def why(name: str) -> str:
    """What a backend is; of the simulation also what would be better, and why that is not to be had."""
    better = "" if name == "tun" else why_not("tun") or "Real IP packets can be lost here too: choose tun."
    return f"{WORDS[name]} {better}".strip()
