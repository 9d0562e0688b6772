"""One direction of an impaired link: what becomes of a packet. No I/O; the instant is an argument, and chance has a seed.

A packet is cut, or finds the queue before the line full, or is lost on the line, or arrives: after it was put on the line, the delay and
the jitter, which lets packets overtake each other.
"""

from __future__ import annotations

from dataclasses import fields, replace
from random import Random
from typing import Literal

from ..errors import Refused
from .base import Impairment

QUEUE_MS = 200
"""How long a packet may wait for the line before the queue counts as full, as of a home router: beyond it is lost as `queue`."""

STEP_MS = 40
"""A bad line gets good in time too: while nothing is sent, it steps as if a packet had come each so often. Otherwise a sender that waits
longer and longer before it sends again would meet one burst for minutes."""

STEPS = 1000
"""The most steps at once."""

LONGEST_BURST = 1000.0
"""The longest mean burst, in packets."""

LONGEST_MS = 10_000.0
"""The longest delay and jitter each, in ms."""

Lost = Literal["loss", "queue", "cut"]

_BOUNDS = {"loss": (0.0, 1.0), "burst": (1.0, LONGEST_BURST), "delay_ms": (0.0, LONGEST_MS), "jitter_ms": (0.0, LONGEST_MS)}


def checked(impairment: Impairment) -> Impairment:
    """The same impairment.

    Raises
    ------
    Refused : a number of it is none that a link can have.
    """
    for name, (least, most) in _BOUNDS.items():
        if not least <= getattr(impairment, name) <= most:
            raise Refused("bad_request", f"{name!r} of a link is {least:g} to {most:g}, not {getattr(impairment, name)!r}.")
    if impairment.kbit_s is not None and not impairment.kbit_s > 0:
        raise Refused("bad_request", f"'kbit_s' of a link is more than 0, or None, not {impairment.kbit_s!r}: 'cut' lets nothing pass.")
    return impairment


def from_body(body: dict[str, object]) -> Impairment:
    """An impairment from what `dataclasses.asdict` made of it. Raises `Refused` like `checked`; other names are passed over."""
    names = {field.name for field in fields(Impairment)}
    return checked(replace(Impairment(), **{name: value for name, value in body.items() if name in names}))  # type: ignore[arg-type]


def in_words(impairment: Impairment) -> str:
    """The loss model, and what else the link does beside delay, as a row names it."""
    how = "independently" if impairment.burst <= 1 else f"in bursts of {impairment.burst:g}"
    words = [f"{impairment.loss * 100:.3g} % lost {how}" if impairment.loss else "no loss"]
    words += [f"up to {impairment.jitter_ms:g} ms jitter"] if impairment.jitter_ms else []
    words += [f"{impairment.kbit_s:g} kbit/s"] if impairment.kbit_s is not None else []
    return ", ".join([*words, "cut"] if impairment.cut else words)


def tell_change(about: dict[str, object], impairment: Impairment) -> None:
    """Say in a run's provenance what its link is like from now on; its round trip, where that is not the first one."""
    way = 2 * impairment.delay_ms
    words = in_words(impairment) + ("" if way == about["rtt_ms"] else f", round trip {way:g} ms")
    about["loss_model"] = f"{about['loss_model']}; then {words}"


class Link:
    """One direction.

    Parameters
    ----------
    impairment : of now; `change` changes it.
    seed : of its chances. The n-th packet of a flow that the line takes has always the same fate, whatever other flows do; with bursts if
        it comes at the same time.

    Raises
    ------
    Refused : like `checked`.
    """

    def __init__(self, impairment: Impairment, seed: int) -> None:
        self.impairment = checked(impairment)
        self._seed = seed
        self._flows: dict[str, _Flow] = {}
        self._free = 0.0

    def change(self, impairment: Impairment) -> None:
        """Impair what comes from now on otherwise. Raises `Refused` like `checked`."""
        self.impairment = checked(impairment)

    def fate(self, now: int, size: int, flow: str = "") -> tuple[int | None, Lost | None]:
        """When a packet that comes now leaves the link, or why it never does.

        Parameters
        ----------
        now : µs of any clock that does not go back.
        size : bytes.
        flow : whose packet it is. Flows share the line, and each has bursts of its own: one burst shared out among flows side by side
            would be single losses to each.
        """
        if self.impairment.cut:
            return None, "cut"
        on_line = self._on_line(now, size)
        if on_line is None:
            return None, "queue"
        chances = self._flows.get(flow) or self._flows.setdefault(flow, _Flow(f"{self._seed} {flow}"))
        lost = chances.lost(self.impairment, now)
        late = chances.timing.random() * self.impairment.jitter_ms
        return (None, "loss") if lost else (round(on_line + (self.impairment.delay_ms + late) * 1000), None)

    def _on_line(self, now: int, size: int) -> float | None:
        """When its last bit is on the line; None where the queue is full."""
        if self.impairment.kbit_s is None:
            return now
        begins = max(now, self._free)
        if begins - now > QUEUE_MS * 1000:
            return None
        self._free = begins + size * 8000 / self.impairment.kbit_s
        return self._free


class _Flow:
    """The chances of one flow: of loss, and of jitter apart, so that jitter changes no loss."""

    def __init__(self, seed: str) -> None:
        self.losses = Random(seed)  # noqa: S311 (it imitates, it protects nothing)
        self.timing = Random(f"{seed} timing")  # noqa: S311
        self.bad = False
        self._last = 0

    def lost(self, impairment: Impairment, now: int) -> bool:
        """Whether a packet is lost: by itself, or (Gilbert-Elliott) as long as the line is bad, where all are."""
        if impairment.burst <= 1 or impairment.loss >= 1:
            self.bad = self.losses.random() < impairment.loss
            return self.bad
        steps = min(max(1, (now - self._last) // (STEP_MS * 1000)), STEPS)
        self._last = now
        for _ in range(steps):
            self._step(impairment)
        return self.bad

    def _step(self, impairment: Impairment) -> None:
        chance = self.losses.random()
        if self.bad:
            self.bad = chance >= 1 / impairment.burst
        else:
            self.bad = chance < impairment.loss / (impairment.burst * (1 - impairment.loss))
