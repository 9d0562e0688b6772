"""What lost packets do to a microphone's sound over WebRTC: with our jitter buffer, and with aiortc's own, side by side.

    python benchmarks/voice_loss.py [--loss 2] [--seconds 30] [--save]

A peer sends short tones over a track of Opus to another one, all of it through a relay of UDP datagrams on this machine: DTLS, SRTP and
ICE are real. For a while the relay drops a share of the datagrams in both directions, by a seeded generator, the same for both buffers.
Measured is how long after the sender took the first frame of a tone into its encoder the receiver had decoded sound of it.

With `--save` the table goes to `results/voice_loss.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import re
import sys
from array import array
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import aioice.ice
import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tokenwidgets.realtime.peer_tracks import Ordered  # noqa: E402

RESULTS = HERE / "results" / "voice_loss.md"
SEED = 7
SAMPLES = 960
"""20 ms at 48 kHz."""

EVERY, LENGTH = 25, 5
"""A tone each so many frames, and its length in frames."""

LOUD = 2000
WARM_SECONDS = 3
BOUND_MS = 60
"""The most that loss may add."""

BUFFERS: dict[str, Callable[[Any], None]] = {"ours": Ordered.install, "aiortc's own": lambda receiver: None}
PHASES = ("before", "during the loss", "after")


class Tones(MediaStreamTrack):
    """Short tones in silence; `onsets` are the times of their first frames."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.onsets: list[float] = []
        self._count = 0
        self._began = 0.0

    async def recv(self) -> av.AudioFrame:
        """The next frame, when it is due."""
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(self._began + self._count * SAMPLES / 48_000 - loop.time())
        sounds = self._count % EVERY < LENGTH
        if self._count % EVERY == 0:
            self.onsets.append(loop.time())
        frame = av.AudioFrame("s16", "mono", SAMPLES)
        frame.planes[0].update(array("h", (round(12_000 * math.sin(i / 8)) if sounds else 0 for i in range(SAMPLES))).tobytes())
        frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), self._count * SAMPLES
        self._count += 1
        return frame


class Relay(asyncio.DatagramProtocol):
    """Hands datagrams on between whoever writes to it and `target`, and drops a share of them."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.loss = 0.0
        self.dropped = 0
        self._target = target
        self._random = random.Random(SEED)
        self._other: Any = None

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.DatagramProtocol`."""
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        """Hand it on, or drop it."""
        if address != self._target:
            self._other = address
        if self._random.random() < self.loss:
            self.dropped += 1
        elif (to := self._other if address == self._target else self._target) is not None:
            self._transport.sendto(data, to)


class Line:
    """A sender, a relay and a receiver."""

    def __init__(self, install: Callable[[Any], None]) -> None:
        self.tones = Tones()
        self.heard: list[float] = []
        self._install = install
        self._sender, self._receiver = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))

    async def open(self) -> None:
        """Connect the two through the relay."""
        self._sender.addTrack(self.tones)
        self._receiver.on("track", self._found)
        await self._sender.setLocalDescription(await self._sender.createOffer())
        # Without its candidates the sender is found by what comes through the relay, and in no other way.
        offer = re.sub(r"a=(candidate:.*|end-of-candidates)\r\n", "", self._sender.localDescription.sdp)
        await self._receiver.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self._receiver.setLocalDescription(await self._receiver.createAnswer())
        answer = self._receiver.localDescription.sdp
        target = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
        assert target, "the receiver has no address"
        loop = asyncio.get_running_loop()
        transport, self.relay = await loop.create_datagram_endpoint(lambda: Relay((target[1], int(target[2]))), ("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        relayed = answer.replace(f" {target[1]} {target[2]} typ host", f" 127.0.0.1 {port} typ host")
        await self._sender.setRemoteDescription(RTCSessionDescription(relayed, "answer"))

    def _found(self, track: Any) -> None:
        for transceiver in self._receiver.getTransceivers():
            self._install(transceiver.receiver)
        self._listening = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: Any) -> None:
        loud = 0.0
        try:
            while True:
                frame = await track.recv()
                now = asyncio.get_running_loop().time()
                if max(map(abs, array("h", bytes(frame.planes[0])[: 4 * frame.samples]))) > LOUD:
                    if now - loud > EVERY * 0.02 / 2:
                        self.heard.append(now)
                    loud = now
        except MediaStreamError:
            pass

    async def close(self) -> None:
        """Hang up."""
        await asyncio.gather(self._sender.close(), self._receiver.close())
        self.relay._transport.close()

    def latencies(self, begin: float, end: float) -> list[float]:
        """Of the tones that began within a time, ms; one that was never heard has none."""
        out = []
        for onset in (onset for onset in self.tones.onsets if begin <= onset < end):
            heard = next((at for at in self.heard if at > onset), math.inf)
            if heard - onset < EVERY * 0.02:
                out.append((heard - onset) * 1000)
        return out


async def measured(loss: float, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Latencies by buffer and phase."""
    paths = {name: Line(install) for name, install in BUFFERS.items()}
    loop = asyncio.get_running_loop()
    for path in paths.values():
        await path.open()
    await asyncio.sleep(WARM_SECONDS)
    ends = [loop.time()]
    for share in (0.0, loss, 0.0):
        for path in paths.values():
            path.relay.loss = share
        await asyncio.sleep(seconds)
        ends.append(loop.time())
    await asyncio.sleep(1)
    for name, path in paths.items():
        print(f"{name}: {path.relay.dropped} datagrams dropped")
        await path.close()
    return {name: {p: path.latencies(ends[i], ends[i + 1]) for i, p in enumerate(PHASES)} for name, path in paths.items()}


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """Median, 95th percentile and longest of each, ms."""
    lines = ["| buffer | " + " | ".join(f"{p}: median / p95 / max" for p in PHASES) + " | loss adds: p95 / max | stays |", "|---" * 6 + "|"]
    for name, phases in found.items():
        cells = [f"{median(v):.0f} / {at(v, 0.95):.0f} / {max(v):.0f} ms ({len(v)})" for v in phases.values()]
        cells += [f"{added(phases, 0.95):+.0f} / {added(phases, 1):+.0f} ms", f"{stays(phases):+.0f} ms"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def added(phases: dict[str, list[float]], share: float) -> float:
    """How much later than usual a share of the tones is heard at the latest, while packets are lost."""
    return at(phases["during the loss"], share) - median(phases["before"])


def stays(phases: dict[str, list[float]]) -> float:
    """How much of it stays in the median."""
    return median(phases["after"]) - median(phases["before"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--loss", type=float, default=2, help="share of datagrams that are dropped, in each direction, in percent")
    parser.add_argument("--seconds", type=float, default=30, help="length of each of the three phases")
    parser.add_argument("--save", action="store_true")
    given = parser.parse_args()
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    found = asyncio.run(measured(given.loss / 100, given.seconds))
    text = table(found)
    print(text)
    good = added(found["ours"], 0.95) < BOUND_MS and abs(stays(found["ours"])) < 10
    if given.save:
        load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        head = f"# {given.loss:g} % of lost packets, {given.seconds:g} s a phase ({date.today()}, {load})\n\n"
        RESULTS.write_text(f"{head}{text}\n\n`python benchmarks/voice_loss.py --save`; how it is measured is said there.\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
