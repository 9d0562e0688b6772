"""How long the voice of this machine takes to answer, and how much of what is said to it it gets right.

    python benchmarks/voice.py [--turns 20] [--model local/voice] [--save]

The shipped sentences are spoken in one session, in real time, each when the answer to the one before would have been played. Figures come
from the session's journal alone: from the true end of speech, as the detector found it afterwards, to the first sound of the answer at the
server. What a network and a loudspeaker add is not in them. With `--save` the tables go to `results/voice.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles

import tokenwidgets as tw
from tokenwidgets import api
from tokenwidgets.clients.inprocess import InProcess
from tokenwidgets.portal import portal
from tokenwidgets.realtime.clips import WORDS, Sample, clip
from tokenwidgets.realtime.session import Session
from tokenwidgets.realtime.spoken import STAGES, SpokenTurn
from tokenwidgets.realtime.words import word_error_rate

RESULTS = Path(__file__).parent / "results" / "voice.md"
TARGET_MS, TARGET_P95_MS = 600, 1000
TICK_SECONDS = 0.002
SENTENCES = [name for name in WORDS if name != "stop"]
"""Without the one that pauses in the middle, which is two turns."""


def main() -> None:
    """Speak, and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--turns", type=int, default=20)
    options.add_argument("--model", default="local/voice")
    options.add_argument("--save", action="store_true")
    chosen = options.parse_args()
    place = InProcess("this is a benchmark")
    with api.at(place), tw.talk(chosen.model) as session:
        said = [clip(name) for name in islice(cycle(SENTENCES), chosen.turns)]
        late = list[float]()
        watch = portal().submit(ticking(late))
        turns = [spoken(session, sample) for sample in said]
        watch.cancel()
    portal().run(place.aclose(), 20)
    text = report(chosen.model, said, turns, late)
    print(text)
    if chosen.save:
        RESULTS.write_text(text)


def spoken(session: Session, sample: Sample) -> SpokenTurn:
    """A turn; returns when its answer would have been played."""
    turn = session.speak(sample.clip)
    print(f"{(turn.latency or 0) / 1000:6.0f} ms  {turn.heard!r} -> {turn.said!r}", file=sys.stderr)
    time.sleep(session.sound_of(turn).seconds + 0.5)
    return turn


async def ticking(late: list[float]) -> None:
    """How much later than asked for the event loop comes back, s."""
    with suppress(asyncio.CancelledError):
        while True:
            due = time.perf_counter() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            late.append(time.perf_counter() - due)


def report(model: str, said: Sequence[Sample], turns: Sequence[SpokenTurn], late: Sequence[float]) -> str:
    """The tables, as Markdown."""
    waits = [turn.latency / 1000 for turn in turns if turn.latency is not None]
    rows = [row(title, [s.us / 1000 for t in turns for s in t.stages if s.name == name]) for name, title in STAGES.items()]
    errors = [(sample, turn.heard, word_error_rate(sample.words, turn.heard)) for sample, turn in zip(said, turns, strict=True)]
    words = sum(len(sample.words.split()) for sample in said)
    wrong = sum(round(error * len(sample.words.split())) for sample, _, error in errors)
    first = {sample.name: (sample, heard, error) for sample, heard, error in reversed(errors)}
    met = "met" if median(waits) <= TARGET_MS and high(waits) <= TARGET_P95_MS else "not met"
    return "\n".join(
        [
            f"# {model}: voice to voice",
            "",
            f"{date.today().isoformat()}, `python benchmarks/voice.py --turns {len(turns)} --model {model} --save`: {len(waits)} turns of "
            f"{len(turns)} were answered in sound, on {os.cpu_count()} cores (load over the last minute: {os.getloadavg()[0]:.1f}). "
            f"Target: a median of {TARGET_MS} ms and a 95th percentile of {TARGET_P95_MS} ms: {met}.",
            "",
            "| ms | median | 95th percentile | longest |",
            "|---|---|---|---|",
            row("**end of speech to first sound at the server**", waits),
            *filter(None, rows),
            "",
            f"The event loop came back {median(late) * 1000:.1f} ms late in the median, at most {quantiles(late, n=100)[98] * 1000:.1f} ms "
            f"in 99 of 100 times, {max(late) * 1000:.0f} ms at worst, the loading of the models included.",
            "",
            f"Word error rate: {wrong / words:.3f} ({wrong} of {words} words).",
            "",
            "| said | heard the first time | word error rate |",
            "|---|---|---|",
            *(f"| {sample.words} | {heard} | {error:.2f} |" for sample, heard, error in first.values()),
            "",
        ]
    )


def row(title: str, values: Sequence[float]) -> str:
    """A line of figures; empty without any."""
    return f"| {title} | {median(values):.0f} | {high(values):.0f} | {max(values):.0f} |" if values else ""


def high(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return quantiles(values, n=20, method="inclusive")[18] if len(values) > 1 else values[0]


if __name__ == "__main__":
    main()
