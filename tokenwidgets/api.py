"""What a user calls: `tw.stream` and its companions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .clients.base import Gateway
from .clients.inprocess import InProcess
from .display import show as display
from .errors import Refused
from .portal import portal
from .providers.base import Sink
from .providers.registry import Call
from .providers.replay import REPLAY_OPTIONS, replay_recording
from .recording import Recording, RecordingError, load
from .request import Request
from .result import Result
from .transports import TRANSPORTS

_gateway: Gateway | None = None
_files: InProcess | None = None
_lock = threading.Lock()


def gateway() -> Gateway:
    """Where this process's streams live; found once."""
    global _gateway
    with _lock:
        if _gateway is None:
            from .clients.discover import discover

            _gateway = discover()
        return _gateway


def _in_kernel() -> InProcess:
    """The hub for what only this process can read, such as a file."""
    global _files
    here = gateway()
    if isinstance(here, InProcess):
        return here
    with _lock:
        _files = _files or InProcess("it plays a file of this kernel")
        return _files


def stream(
    prompt: str | None = None,
    *,
    model: str | None = None,
    transport: str = "auto",
    system: str | None = None,
    messages: Sequence[Mapping[str, Any]] | None = None,
    tools: Sequence[Mapping[str, Any]] | None = None,
    dialect: str | None = None,
    show: bool = True,
    format: str = "markdown",
    record: str | Path | None = None,
    **options: Any,
) -> Result:
    """Ask a model; returns at once, with the answer coming.

    Parameters
    ----------
    prompt, messages : what to ask, one of the two.
    model : `host/model`, an alias, or None for the default: the local model if it can run here, else the simulator.
    transport : how the page reads: auto (WebSocket, else SSE, else comm), sse, ws, webrtc or comm.
    system : instructions before the messages.
    tools : functions the model may call, in the form of OpenAI's chat completions.
    dialect : wire format, where the host speaks several.
    show : display it, live; in a terminal, print it.
    format : how the finished answer is set: markdown, text, json or code.
    record : file to save the stream to when it ends.
    options : `max_tokens`, `temperature`, `seed`, … and what the host documents.

    Returns
    -------
    The stream. What goes wrong is in its `error`, shown in one sentence; nothing is raised but `Refused` for a transport that does not
    exist and a recording that has no folder.
    """
    if transport not in TRANSPORTS:
        raise Refused("bad_request", f"There is no transport {transport!r}: it is one of {', '.join(TRANSPORTS)}.")
    target = _recording(record)
    fields = {
        "prompt": prompt, "model": model, "system": system, "dialect": dialect, "options": options or None,
        "messages": list(messages) if messages is not None else None, "tools": list(tools) if tools else None,
    }  # fmt: skip
    result = Result(gateway(), {k: v for k, v in fields.items() if v is not None}, transport)
    if show:
        display(result, format)
    return result.begin(target)


def _recording(file: str | Path | None) -> Path | None:
    """Where to save; a mistake is found before anything is asked."""
    if file is None:
        return None
    path = Path(file).expanduser()
    if not path.parent.is_dir():
        raise Refused("bad_request", f"The recording cannot be written: there is no folder {path.parent}.")
    if path.is_dir():
        raise Refused("bad_request", f"The recording cannot be written: {path} is a folder.")
    return path


def open(stream_id: str, *, transport: str = "auto", show: bool = True) -> Result:
    """A running or finished stream by its id, for instance after the kernel restarted."""
    result = Result(gateway(), {}, transport, stream_id)
    if show:
        display(result)
    return result.begin()


def replay(file: str | Path, *, speed: float = 1.0, transport: str = "auto", show: bool = True) -> Result:
    """Play a recording with its own timing: a file of this kernel, or the name of one that came with the package.

    Parameters
    ----------
    file : path of a recording, or a shipped recording's name.
    speed : times faster than it was recorded.

    Raises
    ------
    RecordingError : the file is no recording, or cannot be read; the sentence says which.
    """
    path = Path(file).expanduser()
    if not path.suffix and not path.exists():
        return stream(f"Replay {file}.", model=f"replay/{file}", transport=transport, show=show, speed=speed)
    if not REPLAY_OPTIONS["speed"][0](speed):
        raise Refused("bad_request", f"'speed' is {REPLAY_OPTIONS['speed'][1]}.")
    recording = _loaded(path)
    place = _in_kernel()
    call = Call(_request_of(recording, path), "replay", "openai-chat", _Played(recording, speed), recording.simulated)
    result = Result(place, {"model": recording.header.model}, transport, portal().run(place.begin(call)).id)
    if show:
        display(result)
    return result.begin()


def _loaded(path: Path) -> Recording:
    try:
        return load(path)
    except OSError as e:
        raise RecordingError(f"{path} cannot be read: {(e.strerror or 'no such file').lower()}.") from None


def _request_of(recording: Recording, path: Path) -> Request:
    return Request(f"replay/{path.stem}", ({"role": "user", "content": f"Replay of {recording.header.model}."},))


class _Played:
    """A provider that plays one recording."""

    def __init__(self, recording: Recording, speed: float) -> None:
        self._recording = recording
        self._speed = speed

    async def run(self, request: Request, sink: Sink) -> None:
        await replay_recording(self._recording, sink, self._speed)


def models() -> list[str]:
    """The name of every model that can be asked now."""
    return [str(model["id"]) for model in portal().run(gateway().models())]


def hosts() -> list[Mapping[str, Any]]:
    """Every host: what it speaks, and whether its key is present and from where; never the key."""
    return portal().run(gateway().hosts())


def streams() -> list[Mapping[str, Any]]:
    """Snapshots of this user's streams, running and kept."""
    return portal().run(gateway().streams())
