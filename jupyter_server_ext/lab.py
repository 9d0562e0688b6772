"""The network lab's source: a Jupyter server with our extension, alone in its network, and one stream of the simulator's for all lanes.

It listens on a TCP port for each lane, so that a packet tells whose it is, and holds the stream back until it is told to go. It ends when
its standard input does. `tokenwidgets/lab/tun.py` starts it.

    python -m jupyter_server_ext.lab PLAN [FD]    the plan as JSON; FD: a socket to bring the link's device on; without, it is no network
                                                  of its own, and WebRTC stays on loopback
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from tokenwidgets.lab.base import Given
from tokenwidgets.lab.control import Control
from tokenwidgets.lab.emulator import PORTS
from tokenwidgets.lab.ends import bring, first, on_loopback
from tokenwidgets.lab.namespace import CLIENT, SERVER, users
from tokenwidgets.lab.running import MOST_TOKENS

from . import ice

if TYPE_CHECKING:
    from tokenwidgets.generation import Stream
    from tokenwidgets.providers.base import Sink
    from tokenwidgets.request import Request

    from .app import TokenWidgetsApp

FLAGS = (
    "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.open_browser=False", "--ServerApp.allow_root=True",
    "--ServerApp.terminals_enabled=False", "--ServerApp.allow_remote_access=True",
    "--ServerApp.jpserver_extensions=jupyter_server_ext=True",
)  # fmt: skip


class Held:
    """The simulator, once it may begin. See `Provider`."""

    def __init__(self) -> None:
        self.may_begin = asyncio.Event()

    async def run(self, request: Request, sink: Sink) -> None:
        """See `Provider.run`."""
        from tokenwidgets.providers.sim import Sim

        await self.may_begin.wait()
        await Sim().run(request, sink)


def request_of(plan: Mapping[str, Any]) -> Request:
    """What the simulator is asked for."""
    from tokenwidgets.request import parse

    pace = {"ttft_ms": 1000 / plan["rate"], "itl_ms": 1000 / plan["rate"], "jitter": 0}
    length = {"tokens": plan["tokens"] or MOST_TOKENS, "seed": plan["seed"]}
    return parse({"model": "sim/steady", "prompt": "The network lab", "options": {**pace, **length}})


async def serve(app: TokenWidgetsApp, control: Control, plan: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Be the source until the lab is gone, then end at once: nothing is to be kept."""
    try:
        await source(app, control, plan, about)
    except Exception:
        logging.exception("the source failed")
    shutil.rmtree(os.environ["JUPYTER_RUNTIME_DIR"], ignore_errors=True)
    os._exit(0)


async def source(app: TokenWidgetsApp, control: Control, plan: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Hold the stream ready, begin it when told to, and tell what it gives."""
    from tokenwidgets.providers.registry import Call

    from .handlers.base import SERVER as OWNER

    held = Held()
    request = request_of(plan)
    stream = app.hub.begin(Call(request, "sim", "openai-chat", held, simulated=True), OWNER)
    await control.tell(ready={"stream": stream.id, "ticket": app.ticket, "pid": os.getpid(), "users": users(), **about})
    telling = None
    async for message in control.messages():
        if "go" in message and telling is None:
            first()
            held.may_begin.set()
            telling = asyncio.create_task(tell(stream, control, int(message["go"])))


async def tell(stream: Stream, control: Control, began: int) -> None:
    """Report every token; then that there are no more."""
    from tokenwidgets.events import Text

    shift = monotonic_ns() // 1000 - stream.now() - began
    async for batch in stream.journal.read():
        given = [Given(e.seq, e.at + shift, e.event.delta) for e in batch if isinstance(e.event, Text)]
        if given:
            await control.report(given)
    await control.tell(over=True)


def listen(server: Any, congestion: str) -> str:
    """Listen on every lane's port; returns the congestion control that its connections have."""
    from tornado.netutil import bind_sockets

    sockets = [sock for port in PORTS.values() for sock in bind_sockets(port, SERVER, socket.AF_INET)]
    for sock in sockets:
        with suppress(OSError):  # not every kernel has every one: what it is then is told
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    server.http_server.add_sockets(sockets)
    return sockets[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()


def main() -> None:
    """See the module."""
    plan = json.loads(sys.argv[1])
    if len(sys.argv) > 2:
        bring(int(sys.argv[2]), SERVER, CLIENT)
    else:
        on_loopback()
    home = os.environ["JUPYTER_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="tokenwidgets-lab-")
    os.environ["JUPYTER_NO_CONFIG"] = "1"
    os.environ.pop(ice.ENVIRONMENT, None)  # a relay of theirs would be a way round the link
    from jupyter_server.serverapp import ServerApp

    server = ServerApp()
    server.initialize([*FLAGS, f"--ServerApp.root_dir={home}"], find_extensions=False)
    where = {"congestion": listen(server, plan["congestion"])} if len(sys.argv) > 2 else {"port": server.port}
    about = {**where, "token": server.identity_provider.token}
    server.io_loop.add_callback(serve, server.web_app.settings["tokenwidgets.app"], Control.own(), plan, about)
    server.start()


if __name__ == "__main__":
    main()
