"""What a user calls: `tw.stream` and its companions."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import images as pictures
from .clients.base import Gateway
from .clients.inprocess import InProcess, WithProvider
from .display import show as display
from .errors import Refused, unread
from .listing import ModelList
from .portal import portal
from .provider import Provider
from .providers.registry import Call
from .providers.replay import REPLAY_OPTIONS, Played
from .realtime.settings import Settings
from .recording import Recording, RecordingError
from .recording import load as read_recording
from .request import Request
from .result import Result
from .structured import Structure
from .tools import Toolbox, ToolLike
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


@contextmanager
def at(place: Gateway) -> Iterator[None]:
    """Let this process's streams live there meanwhile."""
    global _gateway
    before, _gateway = _gateway, place
    try:
        yield
    finally:
        _gateway = before


def in_kernel() -> InProcess:
    """The hub for what only this process has, such as a file or a provider object."""
    global _files
    here = gateway()
    if isinstance(here, InProcess):
        return here
    with _lock:
        _files = _files or InProcess("only this kernel has what it needs")
        return _files


def stream(
    prompt: str | None = None,
    *,
    model: str | None = None,
    transport: str = "auto",
    system: str | None = None,
    messages: Sequence[Mapping[str, Any]] | None = None,
    tools: Iterable[ToolLike] | None = None,
    images: Iterable[Any] = (),
    schema: Any = None,
    dialect: str | None = None,
    session: Mapping[str, Any] | None = None,
    show: bool = True,
    format: str = "markdown",
    record: str | Path | None = None,
    provider: Provider | None = None,
    **options: Any,
) -> Result:
    """Ask a model; returns at once, with the answer coming.

    Parameters
    ----------
    prompt, messages : what to ask, one of the two.
    model : `host/model`, an alias, or None for the default: the local model if it can run here, else the simulator.
    transport : how the page reads: auto (WebSocket, else SSE, else comm), sse, ws, webrtc, comm, webrtc-ordered or
        webrtc-unordered. Those two are reliable data channels, for comparison; webrtc loses packets and no events.
    system : instructions before the messages.
    tools : what the model may call: Python functions, or definitions in the form of OpenAI's chat completions. They are only declared, as
        one stream is one call of the provider: `r.tool_calls` has the calls. `tw.chat` carries them out and goes on.
    images : pictures beside the prompt, each a path, an address, bytes, a PIL image or a figure of matplotlib.
    schema : form of the answer: a JSON schema, a dataclass, a `TypedDict` or a pydantic model; `r.parsed` is then the answer in it.
    dialect : wire format, where the host speaks several.
    session : settings of a voice session; the stream is then one that takes input, and needs no prompt. `tw.talk` speaks in it.
    show : display it, live; in a terminal, print it.
    format : how the finished answer is set: markdown, text, json or code.
    record : file to save the stream to when it ends.
    provider : host and key to use in place of those configured; the stream then runs in this kernel, and `model` may leave out the host.
    options : `max_tokens`, `temperature`, `seed`, … and what the host documents.

    Returns
    -------
    The stream. What goes wrong is in its `error`, shown in one sentence; nothing is raised but `Refused` for a transport that does not
    exist, a recording that has no folder, and a tool, picture or schema that is none.
    """
    if transport not in TRANSPORTS:
        raise Refused("bad_request", f"There is no transport {transport!r}: it is one of {', '.join(TRANSPORTS)}.")
    target = _recording(record)
    structure = schema if isinstance(schema, Structure | None) else Structure(schema)
    fields = asked(
        prompt, model=model, system=system, messages=messages, tools=tools, images=images, schema=structure, dialect=dialect,
        session=session, **options,
    )  # fmt: skip
    place = WithProvider(in_kernel().hub, provider) if provider else gateway()
    result = Result(place, fields, transport)
    result.structure = structure
    result.origin = "key of this kernel" if provider else ""
    if show:
        display(result, format)
    return result.begin(target)


def asked(
    prompt: str | None = None,
    *,
    model: str | None = None,
    system: str | None = None,
    messages: Sequence[Mapping[str, Any]] | None = None,
    tools: Iterable[ToolLike] | None = None,
    images: Iterable[Any] = (),
    schema: Any = None,
    dialect: str | None = None,
    session: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The JSON of a request, from what `stream` takes of it; see there."""
    structure = schema if isinstance(schema, Structure | None) else Structure(schema)
    if structure is not None:
        options["response_format"] = structure.response_format()
    fields = {
        **_words(prompt, messages, images), "model": model, "system": system, "dialect": dialect, "options": options or None,
        "tools": Toolbox(tools or ()).definitions or None,
        "session": None if session is None else Settings().changed(session).body(),
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def _words(prompt: str | None, messages: Sequence[Mapping[str, Any]] | None, images: Iterable[Any]) -> dict[str, Any]:
    """What is asked, as fields of a request; pictures make a message of the prompt."""
    if not (images := list(images)):
        return {"prompt": prompt, "messages": None if messages is None else list(messages)}
    if prompt is None or messages is not None:
        raise Refused("bad_request", "Pictures go with a prompt; in messages they are parts of the type image_url.")
    return {"messages": [{"role": "user", "content": pictures.content(prompt, images)}]}


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
    place = in_kernel()
    played = Played(recording.entries, recording.frames, speed)
    call = Call(_request_of(recording, path), "replay", "openai-chat", played, recording.simulated)
    result = Result(place, {"model": recording.header.model}, transport, portal().run(place.begin(call)).id)
    if show:
        display(result)
    return result.begin()


def load(source: Recording | str | Path) -> Result:
    """A recorded stream as it was, whole at once: its text, figures, frames. `replay` plays it.

    Parameters
    ----------
    source : a recording, or the path of one.

    Raises
    ------
    RecordingError : the file is no recording, or cannot be read; the sentence says which.
    """
    recording = source if isinstance(source, Recording) else _loaded(Path(source).expanduser())
    return Result.of(recording, in_kernel())


def _loaded(path: Path) -> Recording:
    try:
        return read_recording(path)
    except OSError as e:
        raise RecordingError(unread(path, e)) from None


def _request_of(recording: Recording, path: Path) -> Request:
    return Request(f"replay/{path.stem}", ({"role": "user", "content": f"Replay of {recording.header.model}."},))


def models() -> ModelList:
    """The name of every model that can be asked now; shows as a table with what is known of each, which `details` gives."""
    return ModelList(portal().run(gateway().models()))


def hosts() -> list[Mapping[str, Any]]:
    """Every host: what it speaks, and whether its key is present and from where; never the key."""
    return portal().run(gateway().hosts())


def streams() -> list[Mapping[str, Any]]:
    """Snapshots of this user's streams, running and kept."""
    return portal().run(gateway().streams())
