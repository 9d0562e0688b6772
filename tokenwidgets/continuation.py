"""The request that goes on with an answer that was not finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import Refused
from .events import End, Entry, Error, Start, Tool
from .turn import said

GO_ON = "Go on exactly where you stopped. Repeat nothing and say nothing about it."
"""What the model is asked. An answer begun in its name (a prefill) would be nearer, but no dialect promises that it is taken up: some hosts
answer it anew, and newer models refuse it."""

UNFINISHED = ("length", "cancelled", "truncated", "pause")
"""Ends after which there is something to go on with."""

DEAF = ("sim", "replay")
"""Hosts that do not read what they said before, and would only pretend."""


def why_not(request: Mapping[str, Any], entries: Sequence[Entry]) -> str:
    """Why there is no going on with an answer, in a sentence; empty where there is.

    Parameters
    ----------
    request : what was asked.
    entries : all that came.
    """
    events = [entry.event for entry in entries]
    start, end = (events[0], events[-1]) if events else (None, None)
    if not isinstance(end, End | Error):
        return "It is still running."
    if isinstance(end, End) and end.reason not in UNFINISHED:
        return "The model finished its answer."
    if not said(events).strip() or any(isinstance(event, Tool) for event in events):
        return "There are no words to go on with."
    if not ("prompt" in request or "messages" in request):
        return "What was asked is not known here."
    return f"{start.host} does not read what was said before." if isinstance(start, Start) and start.host in DEAF else ""


def going_on(request: Mapping[str, Any], entries: Sequence[Entry]) -> dict[str, Any]:
    """The same request with what was said, and the question for more.

    Raises
    ------
    Refused : there is nothing to go on with, or nobody who could.
    """
    if reason := why_not(request, entries):
        raise Refused("bad_request", f"This answer cannot be continued. {reason}")
    asked = request.get("messages") or [{"role": "user", "content": request["prompt"]}]
    answer = {"role": "assistant", "content": said(entry.event for entry in entries)}
    rest = {name: value for name, value in request.items() if name != "prompt"}
    return {**rest, "messages": [*asked, answer, {"role": "user", "content": GO_ON}]}
