"""Real-time LLM streams in Jupyter: one stream, any transport, measured.

Everything is imported when it is first used, so `import tokenwidgets` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import hosts, models, open, replay, stream, streams
    from .diagnosis import doctor
    from .errors import Refused, StreamFailed, TokenwidgetsError
    from .magic import load_ipython_extension, unload_ipython_extension
    from .result import Result
    from .widgets.stream import TokenStream

_HOMES = {
    "api": ("hosts", "models", "open", "replay", "stream", "streams"),
    "diagnosis": ("doctor",),
    "errors": ("Refused", "StreamFailed", "TokenwidgetsError"),
    "magic": ("load_ipython_extension", "unload_ipython_extension"),
    "result": ("Result",),
    "widgets.stream": ("TokenStream",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Refused", "Result", "StreamFailed", "TokenStream", "TokenwidgetsError", "doctor", "hosts", "load_ipython_extension", "models", "open",
    "replay", "stream", "streams", "unload_ipython_extension",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from .runtime import version

        return version()
    if name not in _HOME:
        raise AttributeError(f"module 'tokenwidgets' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
