"""From a journal to figures: pure, and the only place where the definitions stand.

Sources disagree about what a first token is and when a clock stops; these definitions follow the strictest of them (the widgets'
JavaScript mirrors them, and both sides run the same test vectors):

* Every instant is `Entry.at`: µs since the first attempt began, before name resolution and connect, read at the socket before parsing.
* Only content stops a clock: `text`, `reasoning`, `refusal`, `tool`, `audio` or `transcript` with a non-empty `delta`. Role-only
  frames, empty deltas, a tool's name or its `done`, the transcript of the user's own words, notices, usage and keep-alives do not.
* A chunk is not a token. Both are counted, and `tokens_exact` says whether the provider counted the tokens or we estimated them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .events import CONTENT, Audio, End, Entry, Error, Notice, Reasoning, Refusal, Text, Tool, Transcript, Usage

CHARACTERS_PER_TOKEN = 4
"""Code points of text that make one estimated token."""

ANSWER = (Text, Refusal, Tool)
"""What a reader can act on, as opposed to thinking and sound."""

_SECOND_HALF = re.compile(r"[\udc00-\udfff]")


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one stream, finished or not. None means unknown, never zero.

    Parameters
    ----------
    sent_us : the request was written to the provider's socket, as its `connection` notice says; of the last attempt.
    headers_us : the head of the answer was read, likewise.
    first_token_us : `at` of the first content of any kind, reasoning included.
    first_answer_us : `at` of the first text, refusal or tool arguments; reasoning, audio and transcripts do not count.
    last_content_us : `at` of the last content.
    total_us : `at` of the terminal event; None while the stream runs.
    chunks : number of content events, empty ones not counted.
    characters : code points of their text; audio, which is base64, not counted.
    tokens : `Usage.generated` of the last usage event whose mode is final or cumulative; without one the estimate
        max(chunks, ceil(characters / 4)). A cumulative count with content behind it is a lower bound of that estimate: Anthropic's first
        event says 1, and a stream that is cut never says more.
    tokens_exact : whether the provider counted `tokens`.
    rate : (tokens - 1) / (last_content_us - first_token_us), in tokens a second: the first token's wait is no part of it. None with
        fewer than two tokens or when no time passed between them. Reasoning that was counted and not sent came before the first content,
        and is none of those tokens.
    retries : attempts after the first; the wait for them is part of the time to the first token.
    usage : the last usage event of any mode.
    end : the terminal event; None while the stream runs.
    """

    sent_us: int | None = None
    headers_us: int | None = None
    first_token_us: int | None = None
    first_answer_us: int | None = None
    last_content_us: int | None = None
    total_us: int | None = None
    chunks: int = 0
    characters: int = 0
    tokens: int = 0
    tokens_exact: bool = False
    rate: float | None = None
    retries: int = 0
    usage: Usage | None = None
    end: End | Error | None = None


def measure(entries: Iterable[Entry]) -> Metrics:
    """The figures of a journal, or of the part of it that has come so far.

    Parameters
    ----------
    entries : in the order of `seq`.
    """
    entries = list(entries)
    content = [e for e in entries if is_content(e)]
    answer = [e for e in content if isinstance(e.event, ANSWER)]
    characters = sum(code_points(delta(e)) for e in content if not isinstance(e.event, Audio))
    tokens, exact = _tokens(entries, len(content), characters)
    last = entries[-1] if entries else None
    retries = [i for i, e in enumerate(entries) if isinstance(e.event, Notice) and e.event.kind == "retry"]
    attempt = entries[retries[-1] :] if retries else entries
    return Metrics(
        sent_us=_phase(attempt, "sent"),
        headers_us=_phase(attempt, "headers"),
        first_token_us=content[0].at if content else None,
        first_answer_us=answer[0].at if answer else None,
        last_content_us=content[-1].at if content else None,
        total_us=last.at if last is not None and last.terminal else None,
        chunks=len(content),
        characters=characters,
        tokens=tokens,
        tokens_exact=exact,
        rate=_rate(tokens - (_hidden(entries) if exact else 0), content),
        retries=len(retries),
        usage=_last_usage(entries),
        end=last.event if last is not None and isinstance(last.event, End | Error) else None,
    )


def estimate(chunks: int, characters: int) -> int:
    """Tokens nobody counted: a chunk is seldom less than one, and one is seldom less than four characters."""
    return max(chunks, -(-characters // CHARACTERS_PER_TOKEN))


def is_content(entry: Entry) -> bool:
    """Whether an entry stops the clocks: content with a non-empty delta."""
    return delta(entry) != ""


def delta(entry: Entry) -> str:
    """The piece of content an entry brings; empty for everything that is none, such as the user's own words."""
    event = entry.event
    if not isinstance(event, CONTENT) or (isinstance(event, Transcript | Audio) and event.role == "user"):
        return ""
    return event.delta


def code_points(text: str) -> int:
    """Characters, one that a provider split over two pieces counted once, with its first half."""
    return len(text) - len(_SECOND_HALF.findall(text))


def reasoning_us(entries: Iterable[Entry]) -> int | None:
    """Time spent reasoning in µs: from its first piece to its last; None when there was none."""
    thoughts = [e.at for e in entries if isinstance(e.event, Reasoning) and e.event.delta]
    return thoughts[-1] - thoughts[0] if thoughts else None


def _tokens(entries: Sequence[Entry], chunks: int, characters: int) -> tuple[int, bool]:
    """How many tokens, and whether the provider counted them all."""
    guess = estimate(chunks, characters)
    seq, usage = _counted(entries)
    if usage.generated is None:
        return guess, False
    if usage.mode == "cumulative" and any(is_content(e) for e in entries if e.seq > seq):
        return max(usage.generated, guess), False
    return usage.generated, True


def _counted(entries: Sequence[Entry]) -> tuple[int, Usage]:
    """The provider's last count, and its seq."""
    counts = [(e.seq, e.event) for e in entries if isinstance(e.event, Usage) and e.event.mode != "estimated"]
    return counts[-1] if counts else (0, Usage())


def _hidden(entries: Sequence[Entry]) -> int:
    """Tokens of reasoning of which nothing was sent."""
    sent = any(isinstance(e.event, Reasoning) and e.event.delta for e in entries)
    return 0 if sent else _counted(entries)[1].reasoning or 0


def _last_usage(entries: Iterable[Entry]) -> Usage | None:
    usages = [e.event for e in entries if isinstance(e.event, Usage)]
    return usages[-1] if usages else None


def _rate(tokens: int, content: Sequence[Entry]) -> float | None:
    span = content[-1].at - content[0].at if content else 0
    return (tokens - 1) * 1e6 / span if tokens >= 2 and span > 0 else None


def _phase(entries: Iterable[Entry], name: str) -> int | None:
    """The first instant a `connection` notice gives for a phase."""
    for entry in entries:
        if isinstance(entry.event, Notice) and entry.event.kind == "connection":
            value = entry.event.data.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None
