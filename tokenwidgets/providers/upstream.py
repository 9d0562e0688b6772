"""The only place with provider HTTP. httpx over httpcore, with our own network back end under it.

The back end does three things httpx cannot: it stamps each read from the socket before anything parses it, it times name resolution
apart from connecting, and it connects only to addresses that were checked (resolved once, then pinned, so that a second answer of
the name server cannot lead elsewhere).

Redirects are not followed and proxies of the environment are not used: both would carry a key to a place nobody named.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any

import httpcore
import httpx

CONNECT_SECONDS = 10.0
"""Limit of name resolution and of each connection attempt."""

POOL_CONNECTIONS = 256
KEEPALIVE_SECONDS = 60.0
ERROR_BYTES = 64 * 2**10
"""The most that is read of an answer that is no stream."""

ERROR_SECONDS = 5.0
"""Longest wait for its body."""

Clock = Callable[[], int]
"""Monotonic nanoseconds."""

_dns: ContextVar[dict[str, int] | None] = ContextVar("tokenwidgets_dns", default=None)

LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11")
"""Where the libraries log the head of an answer, in which a host may repeat the key it was called with."""


def _not_a_providers(record: logging.LogRecord) -> bool:
    """Whether what is logged is of a call that is not made here."""
    return _dns.get() is None


for _name in LOGGERS:
    logging.getLogger(_name).addFilter(_not_a_providers)


class AddressRefused(httpcore.ConnectError):
    """A host that may not be local resolved to a loopback or private address."""


def allowed(address: str, local: bool) -> bool:
    """Whether a host may be reached at an IP address: public ones always, others only where the user said `local = true`."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_global or (local and not ip.is_link_local and not ip.is_multicast)


async def addresses(host: str, port: int, local: bool, timeout: float | None) -> list[str]:
    """The addresses of a host that may be reached; to connect to one of these, and to no other, is what makes the check hold.

    Raises
    ------
    httpcore.ConnectError, httpcore.ConnectTimeout : its name does not resolve, or not in time.
    AddressRefused : it has addresses, and may be reached at none of them.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from None
    except (OSError, UnicodeError):  # a name that no name server could know, such as one with an empty label
        raise httpcore.ConnectError(f"the name {host} does not resolve") from None
    found = [str(info[4][0]) for info in infos]
    good = [a for a in found if allowed(a, local)]
    if found and not good:
        raise AddressRefused(f"{host} is at a private address")
    return good


class _Stream(httpcore.AsyncNetworkStream):
    """A connection whose reads are stamped; the stamp is asked for as `extra_info("read_ns")`."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self._read_ns = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._inner.read(max_bytes, timeout)
        self._read_ns = self._clock()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._read_ns if info == "read_ns" else self._inner.get_extra_info(info)


class _Backend(httpcore.AsyncNetworkBackend):
    def __init__(self, local: bool, clock: Clock) -> None:
        self._local = local
        self._clock = clock
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await addresses(host, port, self._local, timeout)
        if (dns := _dns.get()) is not None:
            dns["dns"] = self._clock()
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in found:
            try:
                inner = await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as e:
                failure = e
            else:
                return _Stream(inner, self._clock)
        raise failure

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("unix sockets are not used")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool with our back end; httpx has no argument for that."""

    def __init__(self, local: bool, clock: Clock) -> None:
        super().__init__(verify=True, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=POOL_CONNECTIONS,
            max_keepalive_connections=POOL_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=_Backend(local, clock),
        )


class Response:
    """An answer whose body arrives in pieces, each with the instant at which its last byte was read from the socket."""

    def __init__(self, inner: httpx.Response) -> None:
        self._inner = inner
        self.status = inner.status_code
        self.headers: Mapping[str, str] = inner.headers

    def read_ns(self) -> int:
        """The instant of the newest read on this connection, ns of the upstream's clock."""
        return int(self._inner.extensions["network_stream"].get_extra_info("read_ns"))

    async def chunks(self) -> AsyncIterator[tuple[bytes, int]]:
        """The body's bytes as they come, with their instant in ns. Raises httpx's errors."""
        async for data in self._inner.aiter_bytes():
            yield data, self.read_ns()

    async def body(self, limit: int = ERROR_BYTES) -> bytes:
        """The body of an answer that is no stream, at most `limit` bytes of it; what came, when the rest does not come."""
        data = b""
        try:
            async with asyncio.timeout(ERROR_SECONDS):
                async for chunk in self._inner.aiter_bytes():
                    data += chunk
                    if len(data) >= limit:
                        break
        except (TimeoutError, httpx.HTTPError):
            pass  # the status is known, and says more than that the connection broke
        return data[:limit]


Phase = Callable[[str, Mapping[str, int]], None]
"""Called when a phase of the call ends, with its name and the instants so far, in ns."""


class Upstream:
    """A warm pool of connections to providers.

    Parameters
    ----------
    local : whether private and loopback addresses may be reached through it.
    clock : monotonic nanoseconds.
    """

    def __init__(self, local: bool, clock: Clock = perf_counter_ns) -> None:
        self.clock = clock
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        self._client = httpx.AsyncClient(transport=_Transport(local, clock), timeout=timeout, follow_redirects=False, trust_env=False)

    @asynccontextmanager
    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, phase: Phase | None = None
    ) -> AsyncIterator[Response]:
        """One call; leaving the context closes the response at once, and the connection with it unless the body was read out.

        Raises
        ------
        httpx.HTTPError : what httpx raises; `connection_error` puts it in words.
        """
        request = self._client.build_request(
            method, url, content=body, headers={"accept-encoding": "identity", "user-agent": "tokenwidgets", **headers}
        )
        instants: dict[str, int] = {}
        token = _dns.set(instants)
        request.extensions["trace"] = _tracer(instants, phase or (lambda name, instants: None), self.clock)
        try:
            response = await self._send(request, instants)
        finally:
            _dns.reset(token)
        try:
            yield Response(response)
        finally:
            await response.aclose()

    async def _send(self, request: httpx.Request, instants: dict[str, int]) -> httpx.Response:
        """Send a request; again where a kept connection turns out to have been closed by its server meanwhile.

        The server has answered nothing then, and did not read what came too late (RFC 9112, section 9.3.1). What fails on a connection
        made for this request is its own failure.
        """
        while True:
            try:
                return await self._client.send(request, stream=True)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                if "connect" in instants:
                    raise
                instants.clear()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


_PHASES = {
    "connection.connect_tcp.complete": "connect",
    "connection.start_tls.complete": "tls",
    "http11.send_request_body.complete": "sent",
    "http11.receive_response_headers.complete": "headers",
}


def _tracer(instants: dict[str, int], phase: Phase, clock: Clock) -> Callable[[str, Any], Awaitable[None]]:
    async def trace(event: str, info: Any) -> None:
        if name := _PHASES.get(event):
            instants[name] = clock()
            phase(name, instants)

    return trace
