"""What a measurement ran on: versions of what touches its bytes and its clock. No names of machines, users or places."""

from __future__ import annotations

import os
import platform
import ssl
import sys
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("tokenwidgets", "httpx", "httpcore", "websockets", "aiortc", "tornado", "jupyter-server")
"""Those that a token passes on its way."""


def environment() -> dict[str, str]:
    """By name, in words."""
    libraries = {name: found for name in LIBRARIES if (found := _version(name))}
    return {
        **libraries, "python": platform.python_version(), "implementation": sys.implementation.name, "tls": ssl.OPENSSL_VERSION,
        "platform": sys.platform, "machine": platform.machine(), "processors": str(os.cpu_count() or ""),
    }  # fmt: skip


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
