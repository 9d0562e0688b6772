"""What a caller asks for, checked before anything is spent on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from .errors import Refused
from .realtime.settings import Settings

FIELDS = ("model", "messages", "prompt", "system", "tools", "dialect", "options", "session")
ROLES = ("system", "developer", "user", "assistant", "tool")

Check = tuple[Callable[[Any], bool], str]
"""A test of an option's value, and what the value should be, in words."""


def _number(low: float, high: float) -> Check:
    return (
        lambda v: isinstance(v, int | float) and not isinstance(v, bool) and low <= v <= high,
        f"a number from {low:g} to {high:g}",
    )


def _integer(low: int, high: int = 2**63) -> Check:
    return (
        lambda v: isinstance(v, int) and not isinstance(v, bool) and low <= v <= high,
        f"a whole number from {low} up" if high == 2**63 else f"a whole number from {low} to {high}",
    )


def _stop(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list | tuple) and all(isinstance(s, str) for s in value))


def _response_format(value: Any) -> bool:
    match value:
        case {"type": "text" | "json_object", **rest}:
            return not rest
        case {"type": "json_schema", "json_schema": {"name": str(), "schema": {}, **more}, **rest}:
            kinds = {"strict": bool | None, "description": str | None}
            return not rest and all(name in kinds and isinstance(more[name], kinds[name]) for name in more)
    return False


def _tool_choice(value: Any) -> bool:
    match value:
        case "auto" | "none" | "required":
            return True
        case {"type": "function", "function": {"name": str(), **more}, **rest}:
            return not rest and not more
    return False


RETRIES_MAX = 10
"""The most a request may ask to be tried again."""

OPTIONS: Mapping[str, Check] = {
    "max_tokens": _integer(1),
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "stop": (_stop, "a string or a list of strings"),
    "seed": _integer(0),
    "reasoning": (lambda v: isinstance(v, str) and v != "", "an effort such as 'low', 'medium', 'high' or 'none'"),
    "response_format": (
        _response_format,
        "{'type': 'text'}, {'type': 'json_object'} or {'type': 'json_schema', 'json_schema': {'name': …, 'schema': {…}}}",
    ),
    "tool_choice": (_tool_choice, "'auto', 'none', 'required' or {'type': 'function', 'function': {'name': …}}"),
    "parallel_tool_calls": (lambda v: isinstance(v, bool), "true or false"),
    "retries": _integer(0, RETRIES_MAX),
    "extra": (lambda v: isinstance(v, Mapping), "an object of further fields for the provider"),
}
"""Options every host takes, as chat completions say them; a dialect that cannot say one refuses it. `retries`, further attempts while no
content has come, is ours: no dialect sends it."""

SIM_OPTIONS: Mapping[str, Check] = {
    "ttft_ms": _number(0, 600_000),
    "itl_ms": _number(0, 60_000),
    "jitter": _number(0, 1),
    "tokens": _integer(1, 100_000),
    "fail_at": _integer(0),
}
"""Options of the simulator beside those: time to first token and inter-token latency in ms, jitter as a share of `itl_ms`, length in
tokens, and the number of the token at which it fails."""


@dataclass(frozen=True, slots=True)
class Request:
    """One generation, as asked for.

    Parameters
    ----------
    model : `host/model`.
    messages : chat messages (`role`, `content`, …) in the form of OpenAI's chat completions; at least one.
    system : instructions placed before them.
    tools : function definitions in the same form.
    dialect : wire format to speak, when the host speaks several.
    options : checked against `OPTIONS` and the host's own.
    session : settings of a voice session; None for a text stream. The messages are then what was said before, and there may be none.
    """

    model: str
    messages: tuple[Mapping[str, Any], ...]
    system: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    dialect: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    session: Settings | None = None

    @property
    def host(self) -> str:
        """The part of the model name before its first separator."""
        return split_model(self.model)[0]

    @property
    def name(self) -> str:
        """The model's own name at that host."""
        return split_model(self.model)[1]

    def body(self) -> dict[str, Any]:
        """The request as JSON; `parse(body())` gives it back."""
        out: dict[str, Any] = {"model": self.model, "messages": [dict(m) for m in self.messages]}
        if self.session is not None:
            out["session"] = self.session.body()
        if self.system is not None:
            out["system"] = self.system
        if self.tools:
            out["tools"] = [dict(t) for t in self.tools]
        if self.dialect is not None:
            out["dialect"] = self.dialect
        if self.options:
            out["options"] = dict(self.options)
        return out


def split_model(model: str) -> tuple[str, str]:
    """`host/model` or `host:model` → (host, model); the first separator splits.

    Raises
    ------
    Refused : there is no separator, or a side is empty.
    """
    at = min((i for i in (model.find("/"), model.find(":")) if i >= 0), default=-1)
    host, name = model[:at], model[at + 1 :]
    if at <= 0 or not name:
        raise Refused("bad_request", f"{model!r} is not a model name: write host/model, such as sim/steady or openai/gpt-5.2.")
    return host, name


def parse(body: Any) -> Request:
    """Check a request that came from outside.

    Raises
    ------
    Refused : what is wrong and what to do, in one sentence. Options are checked by `check_options`, once the host is known.
    """
    if not isinstance(body, Mapping):
        raise Refused("bad_request", "A request is a JSON object with 'model' and 'prompt' or 'messages'.")
    for name in body:
        if name not in FIELDS:
            raise Refused("bad_request", f"A request may not carry {name!r}{_nearest(name, FIELDS)}; it may carry {', '.join(FIELDS)}.")
    model = body.get("model")
    if not isinstance(model, str):
        raise Refused("bad_request", "A request needs 'model', a string such as sim/steady.")
    host, name = split_model(model)
    return Request(
        model=f"{host}/{name}",
        messages=_messages(body) if body.get("session") is None else _earlier(body),
        system=_text(body, "system"),
        tools=_objects(body, "tools"),
        dialect=_text(body, "dialect"),
        options=_options(body),
        session=None if body.get("session") is None else Settings().changed(body["session"]),
    )


def _earlier(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """What was said before a voice session, of which there may be nothing."""
    return _messages(body) if body.get("prompt") is not None or body.get("messages") else ()


def _messages(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    prompt = _text(body, "prompt")
    if (prompt is None) == (body.get("messages") is None):
        raise Refused("bad_request", "A request needs either 'prompt' or 'messages', one of the two.")
    if prompt is not None:
        return ({"role": "user", "content": prompt},)
    messages = _objects(body, "messages")
    if not messages:
        raise Refused("bad_request", "'messages' is empty: give at least one message.")
    for message in messages:
        if message.get("role") not in ROLES:
            raise Refused("bad_request", f"A message needs a 'role', one of {', '.join(ROLES)}.")
    return messages


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused("bad_request", f"{name!r} is a string.")
    return value


def _objects(body: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(v, Mapping) for v in value):
        raise Refused("bad_request", f"{name!r} is a list of objects.")
    return tuple(value)


def _options(body: Mapping[str, Any]) -> Mapping[str, Any]:
    value = body.get("options")
    if value is not None and not isinstance(value, Mapping):
        raise Refused("bad_request", "'options' is an object of option names and values.")
    return dict(value or {})


def check_options(options: Mapping[str, Any], host: str, own: Mapping[str, Check]) -> None:
    """Check option names and values for a host that has `own` options beside the common ones.

    Raises
    ------
    Refused : an unknown name or a value of the wrong kind.
    """
    known = {**OPTIONS, **own}
    for name, value in options.items():
        if name not in known:
            raise Refused(
                "bad_request",
                f"{host} has no option {name!r}{_nearest(name, known)}; it has {', '.join(known)} (extra for what only it knows).",
            )
        test, expected = known[name]
        if not test(value):
            raise Refused("bad_request", f"Option {name!r} is {expected}, not {value!r}.")


def _nearest(name: Any, known: Any) -> str:
    near = get_close_matches(str(name), list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
