"""WebSockets to providers: the address checked as for HTTP, every message with the instant at which it was read.

Redirects are not followed and proxies of the environment are not used, as for HTTP. The library would log heads, and so keys, and frames,
and so prompts: it is given a log that keeps nothing.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast
from urllib.parse import urlsplit

import httpcore
import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Event

from .upstream import CONNECT_SECONDS, ERROR_BYTES, Clock, addresses

MESSAGE_BYTES = 16 * 2**20
"""The largest message taken: a response's last one holds all of it, pictures included."""

PING_SECONDS = 20.0
"""How often a provider is asked whether it is still there, and the longest wait for its answer."""

CLOSE_SECONDS = 1.0
"""Longest wait for a provider to agree that the connection is closed; less than the time a stream has to stop."""

_DATA = (Opcode.CONT, Opcode.TEXT, Opcode.BINARY)

_SILENT = logging.Logger("tokenwidgets.providers.websocket", logging.CRITICAL + 1)
"""No logger of the program's tree, so no configuration turns it on."""


class UpgradeRefused(Exception):
    """The host answered, and opened no WebSocket.

    Parameters
    ----------
    status, headers, body : its answer, of which at most `ERROR_BYTES` are kept.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body


class _Connection(ClientConnection):
    """The library's connection, with the instants at which it was made (ns) and at which each message that waits was complete."""

    def __init__(self, clock: Clock, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clock = clock
        self.made_ns = 0
        self.read_ns: deque[int] = deque()
        self._newest_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made_ns = self.clock()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._newest_ns = self.clock()
        super().data_received(data)

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in _DATA and event.fin:
            self.read_ns.append(self._newest_ns)
        super().process_event(event)


class _Connect(connect):
    """The library's way to connect, without redirects."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@dataclass(frozen=True, slots=True)
class WebSocket:
    """An open connection.

    Parameters
    ----------
    instants : when its phases ended, in ns of the clock it was dialled with: dns, connect, tls.
    headers : of the host's answer.
    """

    instants: Mapping[str, int]
    headers: Mapping[str, str]
    _connection: _Connection

    @property
    def open(self) -> bool:
        """Whether it can be written to, as far as is known here."""
        return self._connection.state.name == "OPEN"

    @property
    def waiting(self) -> int:
        """How many messages have come and were not taken."""
        return len(self._connection.read_ns)

    @property
    def close_code(self) -> int | None:
        """Why it was closed (RFC 6455, section 7.4); None while it is open."""
        return self._connection.close_code

    @property
    def close_reason(self) -> str:
        """What was said of it; empty where nothing was."""
        return self._connection.close_reason or ""

    async def send(self, message: bytes) -> None:
        """Send JSON. Raises `websockets.exceptions.ConnectionClosed`."""
        await self._connection.send(message, text=True)

    async def recv(self) -> tuple[bytes, int]:
        """The next message and the instant (ns) at which its last byte was read. Raises `websockets.exceptions.ConnectionClosed`."""
        message = await self._connection.recv(decode=False)
        return message, self._connection.read_ns.popleft()

    async def aclose(self) -> None:
        """Close it, whatever is under way on it."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._connection.close()
        except TimeoutError:
            self._connection.transport.abort()


async def dial(url: str, headers: Mapping[str, str], local: bool, clock: Clock) -> WebSocket:
    """Open a connection.

    Parameters
    ----------
    url : `wss://…` or `ws://…`, from configuration.
    headers : of the request, the key among them.
    local : whether private and loopback addresses may be reached.
    clock : monotonic nanoseconds.

    Raises
    ------
    httpx.HTTPError, httpx.InvalidURL : as for HTTP; `connection_error` puts it in words.
    UpgradeRefused : the host answered, with something else.
    """
    instants: dict[str, int] = {}
    try:
        connection = await _dial(url, headers, local, clock, instants)
    except InvalidStatus as e:
        raise UpgradeRefused(e.response.status_code, _plain(e.response), bytes(e.response.body or b"")[:ERROR_BYTES]) from None
    except (httpcore.ConnectTimeout, TimeoutError) as e:
        raise httpx.ConnectTimeout("not in time") from e
    except (httpcore.ConnectError, OSError) as e:
        raise httpx.ConnectError("refused" if isinstance(e, ConnectionRefusedError) else str(e)) from e
    except (InvalidURI, ValueError):  # behind OSError, since a certificate that is not trusted is both
        raise httpx.InvalidURL("not an address of a WebSocket") from None
    except InvalidHandshake as e:
        raise httpx.RemoteProtocolError("no WebSocket") from e
    response = connection.response
    return WebSocket(instants, _plain(response) if response else {}, connection)


async def _dial(url: str, headers: Mapping[str, str], local: bool, clock: Clock, instants: dict[str, int]) -> _Connection:
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    found = await addresses(parts.hostname or "", port, local, CONNECT_SECONDS)
    instants["dns"] = clock()
    sock = await _connected(found, port)
    instants["connect"] = clock()
    connection = await _Connect(
        url,
        sock=sock,
        ssl=_tls() if secure else None,
        additional_headers=headers,
        user_agent_header="tokenwidgets",
        proxy=None,
        compression=None,
        open_timeout=CONNECT_SECONDS,
        ping_interval=PING_SECONDS,
        ping_timeout=PING_SECONDS,
        close_timeout=CLOSE_SECONDS,
        max_size=MESSAGE_BYTES,
        logger=_SILENT,
        create_connection=cast("type[_Connection]", partial(_Connection, clock)),
    )
    made = cast(_Connection, connection)
    if secure:
        instants["tls"] = made.made_ns
    return made


async def _connected(found: list[str], port: int) -> socket.socket:
    """A socket to the first address that takes it; asyncio sets TCP_NODELAY on every one."""
    failure: OSError = ConnectionError("the host has no address")
    for address in found:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(sock, (address, port))
        except BaseException as e:
            sock.close()
            if not isinstance(e, OSError):
                raise
            failure = e
        else:
            return sock
    raise failure


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _plain(response: Response) -> dict[str, str]:
    """Headers, of which one that comes twice says what it said last."""
    return {name.lower(): value for name, value in response.headers.raw_items()}
