"""ICMP echo (RFC 792), to check a link: what it loses and how long it takes."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time

WAIT_SECONDS = 2.0
"""How long the last answers are waited for."""

ECHO, REPLY = 8, 0


async def ping(address: str, times: int, gap: float) -> list[int | None]:
    """Ask so many times, `gap` seconds apart; the round-trip times in µs, None where no answer came."""
    loop, ident = asyncio.get_running_loop(), os.getpid() & 0xFFFF
    asked, answered = list[int](), dict[int, int]()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.setblocking(False)
        reading = asyncio.create_task(_answers(sock, ident, answered))
        for sequence in range(times):
            asked.append(time.monotonic_ns())
            await loop.sock_sendto(sock, _echo(ident, sequence), (address, 0))
            await asyncio.sleep(gap)
        await asyncio.sleep(WAIT_SECONDS)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return [(answered[i] - at) // 1000 if i in answered else None for i, at in enumerate(asked)]


async def _answers(sock: socket.socket, ident: int, answered: dict[int, int]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        packet = await loop.sock_recv(sock, 2048)
        kind, _, _, of, sequence = struct.unpack("!BBHHH", packet[(packet[0] & 15) * 4 :][:8])
        if (kind, of) == (REPLY, ident):
            answered[sequence] = time.monotonic_ns()


def _echo(ident: int, sequence: int) -> bytes:
    """A request with its checksum (RFC 1071)."""
    words = (ECHO << 8, 0, ident, sequence)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!4H", words[0], ~total & 0xFFFF, ident, sequence)
