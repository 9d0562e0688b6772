"""The host `sim`: a model that is not there, on a real wire.

A request gives a script, a list of (delay, event), without any clock. It is then played: each event goes through the server's side of a
dialect and back through the very decoder that reads the provider, so that what holds for a provider's bytes holds for these.

The same seed, prompt and options give the same text and the same schedule; without a seed it is 0. `temperature` and `top_p` are taken
and change nothing. An answer ends before a `stop`, and has the form of a `response_format`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import accumulate
from random import Random
from typing import Any, Protocol

from .. import dialects
from ..dialects import messages
from ..dialects.anthropic_server import AnthropicServer
from ..dialects.base import Decoder, Profile
from ..dialects.gemini_server import GeminiServer
from ..dialects.openai_chat_server import ChatServer
from ..dialects.responses_server import ResponsesServer
from ..errors import Refused
from ..events import End, EndReason, Error, Event, Notice, Reasoning, Text, Tool, Usage
from ..metrics import CHARACTERS_PER_TOKEN
from ..request import SIM_OPTIONS, Request
from . import sim_text, sim_tools
from .base import Sink
from .pace import Sleep, paced
from .retry import CUT, Retrying

MODELS: Mapping[str, str] = {
    "steady": "simulated: tokens at an even pace",
    "bursty": "simulated: bursts of 5 to 12 tokens, then gaps",
    "slow-start": "simulated: a long wait for the first token, then faster and faster",
    "reasoner": "simulated: thinks first, then answers",
    "tool-caller": "simulated: calls the first tool it is given, answers when it has the result",
    "markdown": "simulated: answers with headings, a table, code, a formula and lists",
    "flaky": "simulated: fails in the middle, as real streams do; before the first token with fail_at 0, and is tried again",
}
"""The models, and what each is for."""


class Server(Protocol):
    """The server's side of a dialect: one response."""

    def encode(self, event: Event) -> bytes:
        """The bytes for an event; empty when it has none."""
        ...


SERVERS: Mapping[str, Callable[[str, str, int], Server]] = {
    "openai-chat": ChatServer,
    "openai-responses": ResponsesServer,
    "anthropic-messages": AnthropicServer,
    "gemini": GeminiServer,
}
"""What the simulator speaks: from an id, a model name and a Unix time to a response."""

IDS: Mapping[str, str] = {
    "openai-chat": "chatcmpl-simulated", "openai-responses": "resp_simulated", "anthropic-messages": "msg_simulated", "gemini": "simulated",
}  # fmt: skip
"""Ids of its answers, which say what they are."""

EFFORTS = {"none": 0, "off": 0, "minimal": 16, "low": 40, "medium": 80, "high": 200, "xhigh": 400, "max": 400}
"""Tokens of thinking for each effort; another word counts as medium."""

RAMP = 32
"""Tokens over which slow-start speeds up, from four times the inter-token latency to once."""

RETRY_SECONDS = 4.0
"""Longest wait before the second attempt: long enough to be watched."""

STALL_SECONDS = 20.0
"""How long a stalled stream is silent before its connection breaks."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Timing in ms: to the first token, between tokens, and the share of the latter by which it varies."""

    ttft_ms: float = 350.0
    itl_ms: float = 20.0
    jitter: float = 0.3


PACES: Mapping[str, Pace] = {"slow-start": Pace(ttft_ms=2000), "reasoner": Pace(ttft_ms=600, itl_ms=15)}
"""Timing of models that differ from the others; a request's options override it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a script, `delay` seconds after the step before it; `cut` if the connection breaks within its bytes."""

    delay: float
    event: Event
    cut: bool = False


def script(request: Request, attempt: int = 1) -> list[Step]:
    """What the model will do at an attempt, without a clock. What failed before the first token works at the second.

    Raises
    ------
    Refused : there is no such model, or no such dialect here.
    """
    _known(request)
    options = request.options
    # Text and timing are drawn apart, so that a change of pace changes no word.
    words, timing = _random(request, "words"), _random(request, f"timing {request.name}")
    whole = _stopped(_content(request, words), messages.stops(options.get("stop", ())))
    content = whole[: options.get("max_tokens")]
    pace = _pace(request)
    delays = _delays(request.name, len(content), pace, timing)
    steps = [Step(delay, event) for delay, event in zip(delays, content, strict=True)]
    end = End(_reason(whole, content))
    closing = [Step(pace.itl_ms / 1000, _usage(request, content)), Step(0, end)]
    return (_broken(steps, request, timing) if attempt == 1 else []) or steps + closing


def _known(request: Request) -> None:
    if request.name not in MODELS:
        near = get_close_matches(request.name, MODELS, n=3) or list(MODELS)
        raise Refused("not_found", f"There is no simulated model {request.name!r}: there is {', '.join(f'sim/{name}' for name in near)}.")
    if request.dialect is not None and request.dialect not in SERVERS:
        raise Refused("bad_request", f"The simulator does not speak {request.dialect!r}; it speaks {', '.join(SERVERS)}.")


def _random(request: Request, purpose: str) -> Random:
    seed = request.options.get("seed", 0)
    # A prompt may hold half a character, which `Random` would not encode.
    return Random(f"{seed}\n{purpose}\n{_prompt(request)}".encode("utf-8", "surrogatepass"))  # noqa: S311 - it imitates, it protects nothing


def _pace(request: Request) -> Pace:
    given = {name: float(request.options[name]) for name in ("ttft_ms", "itl_ms", "jitter") if name in request.options}
    return replace(PACES.get(request.name, Pace()), **given)


def _prompt(request: Request) -> str:
    """What the user said last."""
    return next((_words(m) for m in reversed(request.messages) if m.get("role") == "user"), "")


def _words(message: Mapping[str, Any]) -> str:
    """A message's text: a string, or parts of which some have one."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    return " ".join(text for text in texts if isinstance(text, str))


# ---- what it says


def _content(request: Request, rng: Random) -> list[Event]:
    """One event a token."""
    if request.name == "tool-caller" and _calls(request):
        return _call(request, rng)
    prompt = _prompt(request)
    thoughts = EFFORTS.get(request.options.get("reasoning", "medium"), EFFORTS["medium"]) if request.name == "reasoner" else 0
    thinking = [Reasoning(0, piece) for piece in sim_text.thoughts(prompt, thoughts, rng)]
    return [*thinking, *(Text(1, piece) for piece in _answer(request, prompt, rng))]


def _answer(request: Request, prompt: str, rng: Random) -> Iterable[str]:
    count, form = request.options.get("tokens"), request.options.get("response_format", {})
    if form.get("type") == "json_schema":
        return _fragments(json.dumps(sim_tools.arguments({"parameters": form["json_schema"]["schema"]}, rng), ensure_ascii=False), rng)
    if form.get("type") == "json_object":
        return _fragments(json.dumps({"answer": "".join(sim_text.answer(prompt, count or 12, rng))}, ensure_ascii=False), rng)
    if request.name == "markdown":
        return sim_text.document(prompt, count, rng)
    return sim_text.answer(prompt, count or rng.randint(120, 220), rng)


def _stopped(content: Sequence[Event], stops: Sequence[str]) -> list[Event]:
    """An answer up to the first of some texts."""
    said = "".join(event.delta for event in content if isinstance(event, Text))
    room = min((at for stop in filter(None, stops) if (at := said.find(stop)) >= 0), default=len(said))
    out: list[Event] = []
    for event in content:
        if isinstance(event, Text):
            event = replace(event, delta=event.delta[:room])
            room -= len(event.delta)
            if not event.delta:
                continue
        out.append(event)
    return out


def _calls(request: Request) -> bool:
    """Whether it calls a tool: until it has a result, or as it is told."""
    choice = request.options.get("tool_choice", "auto")
    return request.messages[-1].get("role") != "tool" if choice == "auto" else choice != "none"


def _call(request: Request, rng: Random) -> list[Event]:
    """A tool call: its head, then its arguments in fragments."""
    function = sim_tools.function(_chosen(request)) if request.tools else sim_tools.WEATHER
    text = json.dumps(sim_tools.arguments(function, rng), ensure_ascii=False)
    kind = "toolu" if request.dialect == "anthropic-messages" else "call"
    head = Tool(0, f"{kind}_{rng.getrandbits(96):024x}", function["name"])
    return [head, *(Tool(0, delta=fragment) for fragment in _fragments(text, rng))]


def _chosen(request: Request) -> Mapping[str, Any]:
    """The tool that is to be called, else the first."""
    choice = request.options.get("tool_choice")
    name = choice["function"]["name"] if isinstance(choice, Mapping) else ""
    return next((tool for tool in request.tools if sim_tools.function(tool)["name"] == name), request.tools[0])


def _fragments(text: str, rng: Random) -> Iterator[str]:
    while text:
        size = rng.randint(2, 6)
        yield text[:size]
        text = text[size:]


def _reason(whole: Sequence[Event], content: Sequence[Event]) -> EndReason:
    if len(content) < len(whole):
        return "length"
    return "tool" if content and isinstance(content[-1], Tool) else "stop"


def _usage(request: Request, content: Sequence[Event]) -> Usage:
    """Exact for what is generated; the prompt's count is an estimate."""
    asked = sum(len(_words(m)) for m in request.messages) + len(request.system or "")
    thoughts = sum(isinstance(e, Reasoning) for e in content)
    # Without thinking nothing is said of it, as by models that cannot.
    return Usage(input=-(-asked // CHARACTERS_PER_TOKEN), output=len(content) - thoughts, reasoning=thoughts or None)


# ---- when


def _delays(model: str, count: int, pace: Pace, rng: Random) -> list[float]:
    """Seconds before each token, the first one's included."""
    gaps = [pace.itl_ms / 1000 * (1 + pace.jitter * rng.uniform(-1, 1)) for _ in range(count)]
    if model == "bursty":
        gaps = _bursts(gaps, rng)
    if model == "slow-start":
        gaps = [gap * (1 + 3 * max(0.0, 1 - i / RAMP)) for i, gap in enumerate(gaps)]
    return [pace.ttft_ms / 1000, *gaps[1:]] if gaps else []


def _bursts(gaps: Sequence[float], rng: Random) -> list[float]:
    """The same time in all, gathered before bursts of tokens that come together."""
    out: list[float] = []
    while len(out) < len(gaps):
        burst = gaps[len(out) : len(out) + rng.randint(5, 12)]
        out += [sum(burst), *(0.0 for _ in burst[1:])]
    return out


def _broken(steps: Sequence[Step], request: Request, rng: Random) -> list[Step]:
    """The script of a stream that fails; nothing for one that does not."""
    at = request.options.get("fail_at")
    if request.name == "flaky" and at is None:
        at = rng.randint(len(steps) // 4, len(steps) * 3 // 4)
    if at is None or at >= len(steps):
        return []
    good, next_one = list(steps[:at]), steps[at]
    way = rng.choice(("error", "cut", "stall"))
    if way == "error":
        return [*good, Step(next_one.delay, Error("overloaded", "The simulated server is overloaded.", retryable=True))]
    return [*good, replace(next_one, delay=STALL_SECONDS if way == "stall" else next_one.delay, cut=True)]


# ---- playing it


class Sim:
    """Plays scripts.

    Parameters
    ----------
    sleep : waits some seconds; the clock is the sink's.
    """

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self.sleep = sleep

    @classmethod
    def checked(cls, request: Request) -> Sim:
        """A simulator for a request. Raises `Refused` where `script` does."""
        _known(request)
        return cls()

    async def run(self, request: Request, sink: Sink) -> None:
        """See `Provider.run`. Raises `Refused` like `script`."""
        retrying = Retrying(RETRY_SECONDS, RETRY_SECONDS, _random(request, "retry").random, self.sleep)
        await retrying.run(request, sink, lambda attempt, number: self._attempt(request, attempt, number))

    async def _attempt(self, request: Request, sink: Sink, number: int) -> None:
        steps = script(request, number)
        dialect = dialects.get(request.dialect or next(iter(SERVERS)))
        common = {name: value for name, value in request.options.items() if name not in (*SIM_OPTIONS, "seed")}
        call = dialect.encode(replace(request, options=common), Profile())
        began = sink.now()
        sink.frame(call.body, began, "out")
        sink.emit(Notice("connection", {"sent": began, "simulated": True}), began)
        server = SERVERS[dialect.name](IDS[dialect.name], request.name, int(time.time()))
        wire = _Wire(server, dialect.decoder(Profile()), sink)
        async for batch in paced(_due(steps, began), sink.now, self.sleep):
            wire.carry(batch)
        wire.close(steps[-1].cut)


def _due(steps: Sequence[Step], began: int) -> Iterator[tuple[int, Step]]:
    """Each step with its instant in µs: the sum of the delays, whatever the sleeps before it did."""
    instants = accumulate(step.delay for step in steps)
    return ((began + round(seconds * 1e6), step) for seconds, step in zip(instants, steps, strict=True))


class _Wire:
    """From the simulated server to the sink, by way of bytes."""

    def __init__(self, server: Server, decoder: Decoder, sink: Sink) -> None:
        self.server = server
        self.decoder = decoder
        self.sink = sink

    def carry(self, steps: Sequence[Step]) -> None:
        """Steps that are due together arrive in one read."""
        at = self.sink.now()
        for step in steps:
            data = self.server.encode(step.event)
            data = data[: len(data) // 2] if step.cut else data
            if data:
                self.sink.frame(data, at)
                self._emit(self.decoder.feed(data), at)

    def close(self, cut: bool) -> None:
        """The connection ends. A break before any whole event is the connection's failure, not the format's."""
        events = self.decoder.close()
        broken = cut and isinstance(events[-1], Error)
        self._emit([*events[:-1], CUT] if broken else events, self.sink.now())

    def _emit(self, events: Sequence[Event], at: int) -> None:
        for event in events:
            self.sink.emit(event, at)
