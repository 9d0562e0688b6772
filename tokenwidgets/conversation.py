"""A conversation without I/O: a tree of messages, of which the path to one leaf is what is being said.

* A message is in the form of OpenAI's chat completions; an assistant's also has what its stream gave to be carried (`turn`).
* Nothing is ever taken out: an edited question and a second answer are siblings, and an undone one can be returned to.
* What is sent is always well-formed: a question that got no answer is left out with it, every call has a result, and what a host gave to
  be carried goes to that host alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from .errors import Refused, TokenwidgetsError
from .events import End, Error, Event, Start, Usage, payload, read
from .recording import without_secrets
from .request import split_model
from .turn import said, turn

VERSION = 1

NODES = 100_000
"""Most messages of one conversation."""

NOT_RUN = "Error: this call was not carried out."
"""What a model is told of a call that nobody answered."""

_WHOLE = ("stop", "tool", "length", "pause", "filter", "refusal")
"""Endings a provider chose. What was cut off elsewhere is kept as words alone: its calls were not run, and what it gives to be carried
is good only whole."""

_CARRIED = ("carry", "reasoning_content")

Content: TypeAlias = str | Sequence[Mapping[str, Any]]


class ConversationError(TokenwidgetsError, ValueError):
    """Something that is no conversation; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Node:
    """One message in its place.

    Parameters
    ----------
    id : its number in the conversation, from 0.
    parent : the message it follows; None for a first one.
    message : as it is sent.
    model : `host/model` that answered; None for what was not answered by a model.
    stream : id of the answer's stream.
    usage : what the answer cost, in tokens.
    finish_reason : why the answer ended; None where it failed.
    error : the sentence that says how it, or the call of a tool, failed.
    seconds : the time a tool took.
    """

    id: int
    parent: int | None
    message: Mapping[str, Any]
    model: str | None = None
    stream: str | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    error: str | None = None
    seconds: float | None = None

    @property
    def role(self) -> str:
        """Who speaks: `user`, `assistant` or `tool`."""
        return str(self.message["role"])

    @property
    def calls(self) -> list[str]:
        """The ids of the tool calls in it."""
        return [call["id"] for call in self.message.get("tool_calls", ())]

    @property
    def blank(self) -> bool:
        """Whether it is an answer in which nothing was said: hosts refuse to be reminded of it."""
        return self.role == "assistant" and not self.message["content"] and not self.calls


class Conversation:
    """A tree of messages and the place in it where the talk goes on.

    Parameters
    ----------
    system : instructions before all messages.

    Attributes
    ----------
    nodes : every message; a node's id is its index.
    leaf : the last message of the current path; None before the first.
    """

    def __init__(self, system: str | None = None) -> None:
        self.system = system
        self.nodes: list[Node] = []
        self.leaf: int | None = None

    def beside(self) -> Conversation:
        """The same messages with a place of its own in them, so that several models go on from one question at once."""
        other = Conversation(self.system)
        other.nodes, other.leaf = self.nodes, self.leaf
        return other

    # ------------------------------------------------------------------ reading

    def path(self, leaf: int | None = None) -> list[Node]:
        """The messages from the first to a leaf, by default the current one."""
        out: list[Node] = []
        at = self.leaf if leaf is None else leaf
        while at is not None:
            out.append(self.nodes[at])
            at = self.nodes[at].parent
        return out[::-1]

    def children(self, node: int | None) -> list[Node]:
        """What was said next to a message, in the order it was said; of None, every first message."""
        return [n for n in self.nodes if n.parent == node]

    def siblings(self, node: int) -> list[Node]:
        """The alternatives to a message, itself among them: edited questions, answers of several models."""
        return self.children(self.node(node).parent)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What has been said on the current path."""
        return [dict(node.message) for node in self.path()]

    def to_send(self, model: str | None = None) -> list[dict[str, Any]]:
        """The messages of the current path for a request.

        Parameters
        ----------
        model : `host/model` that is asked; None for the one that answered last.
        """
        path = _with_results(_answered(self.path()))
        host = _host(model) or next((h for h in (_host(n.model) for n in reversed(path)) if h), None)
        return [_for_host(node, host) for node in path]

    @property
    def usage(self) -> Usage | None:
        """The tokens of every answer, those of other branches too; None when no provider told any."""
        return summed(node.usage for node in self.nodes)

    # ------------------------------------------------------------------ going on

    def ask(self, content: Content) -> Node:
        """The user's next message."""
        return self._add(self.leaf, {"role": "user", "content": content})

    def answer(self, events: Iterable[Event], to: int | None = None, model: str | None = None) -> Node:
        """A model's answer, from its stream's events: all of it where the provider ended it, else its words.

        Parameters
        ----------
        to : the message it answers, by default the current leaf. Where that is not the leaf, the path stays as it is: so several models
            answer one question.
        model : who was asked, for a stream that did not begin.
        """
        events = list(events)
        last, start = events[-1] if events else None, next((e for e in events if isinstance(e, Start)), None)
        whole = isinstance(last, End) and last.reason in _WHOLE
        message = _callable(turn(events), last) if whole else {"role": "assistant", "content": said(events)}
        parent, leaf = self.leaf if to is None else self.node(to).id, self.leaf
        node = self._add(
            parent,
            message,
            model=start.model if start else model,
            stream=start.id if start else None,
            usage=next((e for e in reversed(events) if isinstance(e, Usage)), None),
            finish_reason=last.reason if isinstance(last, End) else None,
            error=last.message if isinstance(last, Error) else None,
        )
        if parent != leaf:
            self.leaf = leaf
        return node

    def result(self, call: str, content: str, seconds: float | None = None, error: str | None = None) -> Node:
        """What a tool gave back, in which time, and what went wrong.

        Raises
        ------
        Refused : no call of the last answer has that id, or it has a result already.
        """
        if call not in self.unanswered:
            raise Refused("bad_request", f"There is no call {call!r} without a result in the last answer.")
        return self._add(self.leaf, {"role": "tool", "tool_call_id": call, "content": content}, seconds=seconds, error=error)

    @property
    def unanswered(self) -> list[str]:
        """The ids of the last answer's calls that have no result."""
        had: set[str] = set()
        for node in reversed(self.path()):
            if node.role != "tool":
                return [call for call in node.calls if call not in had]
            had.add(str(node.message["tool_call_id"]))
        return []

    # ------------------------------------------------------------------ branches

    def edit(self, node: int, content: Content) -> Node:
        """A user's message said otherwise: a sibling, from which the talk goes on.

        Raises
        ------
        Refused : it is no message of the user's.
        """
        old = self.node(node)
        if old.role != "user":
            raise Refused("bad_request", f"Message {node} is not the user's: only those can be edited.")
        return self._add(old.parent, {"role": "user", "content": content})

    def switch(self, node: int) -> None:
        """Go to a message's branch: to the newest message below it."""
        self.leaf = self.node(node).id
        while below := self.children(self.leaf):
            self.leaf = below[-1].id

    def back_to(self, node: int) -> None:
        """Make a message the last one, so that it is answered again; what followed it stays as a branch."""
        self.leaf = self.node(node).id

    def undo(self, node: int | None = None) -> Node | None:
        """Leave out a question, by default the last, and all that followed it; returns the question, or None if there is none."""
        asked = self.asked if node is None else self.node(node)
        if asked is not None:
            self.leaf = asked.parent
        return asked

    @property
    def asked(self) -> Node | None:
        """The user's last message on the current path."""
        return next((node for node in reversed(self.path()) if node.role == "user"), None)

    # ------------------------------------------------------------------ keeping

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON; what looks like a key is replaced, but for what must go back byte for byte."""
        nodes = [_fields(node) for node in self.nodes]
        return {"tokenwidgets_conversation": VERSION, "system": without_secrets(self.system), "leaf": self.leaf, "nodes": nodes}

    @classmethod
    def from_json(cls, body: Any) -> Conversation:
        """Raises `ConversationError` where it is none, or one of a later version."""
        if not isinstance(body, Mapping) or "tokenwidgets_conversation" not in body:
            raise ConversationError("This is no conversation: a JSON object with 'tokenwidgets_conversation' is needed.")
        if body["tokenwidgets_conversation"] != VERSION:
            raise ConversationError(
                f"The conversation has the form {body['tokenwidgets_conversation']!r}, and this version reads {VERSION}."
            )
        system, nodes, leaf = body.get("system"), body.get("nodes", []), body.get("leaf")
        if not isinstance(system, str | None) or not isinstance(nodes, list):
            raise ConversationError("The conversation's 'system' is a text and its 'nodes' is a list.")
        out = cls(system)
        out.nodes = [_node(i, raw) for i, raw in enumerate(nodes)]
        if not (leaf is None or (type(leaf) is int and 0 <= leaf < len(out.nodes))):
            raise ConversationError("The conversation's 'leaf' is none of its messages.")
        out.leaf = leaf
        return out

    def dumps(self) -> str:
        """As text of a file."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def loads(cls, text: str | bytes) -> Conversation:
        """From the text of a file. Raises like `from_json`."""
        try:
            return cls.from_json(json.loads(text))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            raise ConversationError("This is no conversation: it is not JSON.") from None

    def node(self, node: int) -> Node:
        """A message by its number. Raises `Refused` where there is none."""
        if not 0 <= node < len(self.nodes):
            raise Refused("not_found", f"There is no message {node}.")
        return self.nodes[node]

    def _add(self, parent: int | None, message: Mapping[str, Any], **more: Any) -> Node:
        if len(self.nodes) >= NODES:
            raise Refused("limit", f"A conversation has at most {NODES:,} messages: begin a new one.")
        node = Node(len(self.nodes), parent, message, **more)
        self.nodes.append(node)
        self.leaf = node.id
        return node


def summed(usages: Iterable[Usage | None]) -> Usage | None:
    """Counts added up; what none of them tells stays unknown."""
    known = [usage for usage in usages if usage is not None]
    counts = [f.name for f in fields(Usage) if f.name not in ("mode", "timings")]
    told = {name: [n for u in known if (n := getattr(u, name)) is not None] for name in counts}
    return Usage(**{name: sum(values) for name, values in told.items() if values}) if known else None


def _callable(message: dict[str, Any], last: Event | None) -> dict[str, Any]:
    """A whole answer whose calls every host takes: their arguments are JSON objects, and calls that a limit cut off are not there."""
    calls = message.get("tool_calls", [])
    if calls and isinstance(last, End) and last.reason not in ("tool", "stop", "pause"):
        return {"role": "assistant", "content": message["content"]}
    for call in calls:
        if not _is_object(call["function"]["arguments"]):
            call["function"]["arguments"] = "{}"  # its result says what was wrong
    return message


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _answered(path: Sequence[Node]) -> list[Node]:
    """Without answers in which nothing was said, and without the questions they left open."""
    out: list[Node] = []
    for node in path:
        if not node.blank:
            out.append(node)
        elif out and out[-1].role == "user":
            out.pop()
    return out


def _with_results(path: Sequence[Node]) -> list[Node]:
    """With a result for every call, in the order of the calls."""
    return list(_completed(path))


def _completed(path: Sequence[Node]) -> Iterator[Node]:
    for i, node in enumerate(path):
        if node.role == "tool":
            continue
        yield node
        results: dict[str, Node] = {}
        for following in path[i + 1 :]:
            if following.role != "tool":
                break
            results[str(following.message["tool_call_id"])] = following
        for call in node.calls:
            yield results.get(call) or Node(-1, node.id, {"role": "tool", "tool_call_id": call, "content": NOT_RUN})


def _host(model: str | None) -> str | None:
    try:
        return split_model(model)[0] if model else None
    except Refused:
        return None


def _for_host(node: Node, host: str | None) -> dict[str, Any]:
    """A message as one host may see it: what another gave to be carried means nothing to it, or is refused."""
    if node.model is None or host == _host(node.model):
        return dict(node.message)
    out = {name: value for name, value in node.message.items() if name not in _CARRIED}
    if node.calls:
        out["tool_calls"] = [{k: v for k, v in call.items() if k != "extra_content"} for call in out["tool_calls"]]
    return out


def _fields(node: Node) -> dict[str, Any]:
    message = {name: value if name in _CARRIED else without_secrets(value) for name, value in node.message.items()}
    told = {f.name: value for f in fields(Node) if (value := getattr(node, f.name)) is not None}
    return told | {"parent": node.parent, "message": message} | ({"usage": payload(node.usage)} if node.usage else {})


def _node(number: int, raw: Any) -> Node:
    """One message of a file. A message follows an earlier one, so there are no circles."""
    given = {f.name: raw[f.name] for f in fields(Node) if raw.get(f.name) is not None} if isinstance(raw, Mapping) else {}
    parent = given.setdefault("parent", None)
    placed = given.get("id") == number and (parent is None or (type(parent) is int and 0 <= parent < number))
    if not placed or not _is_message(given.get("message")) or not all(isinstance(given.get(name, ""), str) for name in _TEXTS):
        raise ConversationError(f"Message {number} of the conversation is none: it needs its number, an earlier 'parent' and a 'message'.")
    try:
        seconds = float(given["seconds"]) if "seconds" in given else None
        usage = read({"type": "usage", "seq": 0, "at": 0, **given["usage"]}, b"").event if "usage" in given else None
    except (TypeError, ValueError):
        raise ConversationError(f"Message {number} of the conversation has a 'usage' or 'seconds' that is none.") from None
    return Node(**given | {"usage": usage, "seconds": seconds})


_TEXTS = ("model", "stream", "finish_reason", "error")


def _is_message(message: Any) -> bool:
    """Whether it has what is needed to tell its place; whether a host takes it is for the host to say."""
    if not isinstance(message, Mapping) or message.get("role") not in ("user", "assistant", "tool"):
        return False
    content, calls = message.get("content"), message.get("tool_calls", [])
    written = isinstance(content, str) or (isinstance(content, list) and all(isinstance(part, Mapping) for part in content))
    named = isinstance(calls, list) and all(isinstance(call, Mapping) and isinstance(call.get("id"), str) for call in calls)
    return written and named and (message["role"] != "tool" or isinstance(message.get("tool_call_id"), str))
