"""A Jupyter server with no other extension, for the program that started it: `tokenwidgets/private_server.py`.

It listens on a free port of the loopback interface, and ends when its standard input does, and so with that program, however that ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from .app import TokenWidgetsApp, main

FLAGS = (
    "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.open_browser=False", "--ServerApp.allow_root=True",
    "--ServerApp.terminals_enabled=False",
)  # fmt: skip


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    TokenWidgetsApp.load_other_extensions = False
    main([*FLAGS, *sys.argv[1:]])  # type: ignore[no-untyped-call]
