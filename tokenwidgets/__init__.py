"""Real-time LLM streams in Jupyter: one stream, any transport, measured.

Everything is imported when it is first used, so `import tokenwidgets` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .address import endpoint
    from .api import hosts, load, models, open, replay, stream, streams
    from .chats import Chat, chat, open_chat
    from .conversation import Conversation
    from .diagnosis import doctor
    from .errors import Refused, StreamFailed, TokenwidgetsError
    from .harnesses import definitions
    from .magic import load_ipython_extension, unload_ipython_extension
    from .measurement import Measurement, compare
    from .provider import Provider
    from .races import Race, race
    from .realtime.clip import Clip
    from .realtime.own import voice
    from .realtime.session import Session, talk
    from .realtime.speech_api import speak, transcribe
    from .report.file import open_comparison
    from .result import Result
    from .rounds import Turn
    from .widgets.inspector import WireInspector
    from .widgets.latency import LatencyChart
    from .widgets.mic import Mic, mic
    from .widgets.network_lab import NetworkLab, network_lab
    from .widgets.sessions import Sessions, sessions
    from .widgets.stream import TokenStream
    from .widgets.timeline import Timeline
    from .workloads import Cancel, ClosedLoop, OpenLoop, Reconnect, ToolLoop, VoiceTurn

_HOMES = {
    "api": ("hosts", "load", "models", "open", "replay", "stream", "streams"),
    "chats": ("Chat", "chat", "open_chat"),
    "conversation": ("Conversation",),
    "diagnosis": ("doctor",),
    "address": ("endpoint",),
    "errors": ("Refused", "StreamFailed", "TokenwidgetsError"),
    "harnesses": ("definitions",),
    "magic": ("load_ipython_extension", "unload_ipython_extension"),
    "measurement": ("Measurement", "compare"),
    "provider": ("Provider",),
    "races": ("Race", "race"),
    "realtime.clip": ("Clip",),
    "realtime.session": ("Session", "talk"),
    "realtime.own": ("voice",),
    "realtime.speech_api": ("speak", "transcribe"),
    "report.file": ("open_comparison",),
    "result": ("Result",),
    "rounds": ("Turn",),
    "widgets.inspector": ("WireInspector",),
    "widgets.latency": ("LatencyChart",),
    "widgets.mic": ("Mic", "mic"),
    "widgets.network_lab": ("NetworkLab", "network_lab"),
    "widgets.sessions": ("Sessions", "sessions"),
    "widgets.stream": ("TokenStream",),
    "widgets.timeline": ("Timeline",),
    "workloads": ("Cancel", "ClosedLoop", "OpenLoop", "Reconnect", "ToolLoop", "VoiceTurn"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Cancel", "Chat", "Clip", "ClosedLoop", "Conversation", "LatencyChart", "Measurement", "Mic", "NetworkLab", "OpenLoop", "Provider",
    "Race", "Reconnect", "Refused", "Result", "Session", "Sessions", "StreamFailed", "Timeline", "TokenStream", "TokenwidgetsError",
    "ToolLoop", "Turn", "VoiceTurn", "WireInspector", "chat", "compare", "definitions", "doctor", "endpoint", "hosts", "load",
    "load_ipython_extension", "mic", "models", "network_lab", "open", "open_chat", "open_comparison", "race", "replay", "sessions",
    "speak", "stream", "streams", "talk", "transcribe", "unload_ipython_extension", "voice",
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
