"""The Jupyter server extension of tokenwidgets: thin tornado and aiortc shells over the library's hub.

The server imports this module only to read its extension points, so nothing heavy is imported here.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import TokenWidgetsApp

    return [{"module": "jupyter_server_ext", "app": TokenWidgetsApp}]
