"""A conversation to talk in."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakSet

import traitlets

from .. import api, chat_card, chat_code, chat_news
from ..chats import Chat
from ..comm import Answer
from ..conversation import Conversation, ConversationError
from ..errors import Refused, unread
from ..figures import line
from ..listing import NOTES
from ..output import Bundle
from ..recording import without_secrets
from ..result import Result
from ..rounds import Turn
from ..uploads import Uploads
from .base import STATIC, Widget, follow, run_of

MODELS_AT_ONCE = 4
"""Most models that answer one question beside each other."""

QUESTION_CHARACTERS = 1_000_000
"""Longest question a page may ask."""

FILES = 200
"""Most files that are offered to be opened."""

SUFFIX = ".chat.json"
"""How the name of a conversation's file ends, unless another end is given."""

OPTIONS = ("temperature", "max_tokens", "reasoning")
"""Options of the chat that its page shows and sets."""

KEPT_RESULTS = 32
"""Streams that the kernel can still send to a page; of older ones it has the messages."""


class ChatWidget(Widget):
    """A conversation in a page: ask, stop, ask again or otherwise, compare models, save and open.

    What is said travels in messages, never in traits. Turns that code asks (`c("…")`) show here too.

    Parameters
    ----------
    chat : the conversation, and how its questions are asked.
    """

    _esm = STATIC / "chat.js"
    _css = STATIC / "chat.css"
    parts = ("highlight", "math")

    model = traitlets.Unicode("", help="The model the talk goes on with, `host/model`; empty for the default.").tag(sync=True)
    models = traitlets.List(traitlets.Unicode(), maxlen=MODELS_AT_ONCE, help="All that answer the next question.").tag(
        sync=True, moved=True
    )
    busy = traitlets.Bool(False, help="Whether an answer is coming.").tag(sync=True)
    turns = traitlets.Int(0, help="Questions in the conversation as it stands.").tag(sync=True)

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self._talk = secrets.token_urlsafe(6)
        self._conversation = chat.conversation
        self._told = 0
        self._uploads = Uploads()
        self._seen: WeakSet[Result] = WeakSet()
        self._results: deque[Result] = deque()
        self._figures: dict[str, str] = {}
        self._was_busy = False
        super().__init__([], self._operations(), model=chat.model or "", models=[chat.model] if chat.model else [])
        self.observe(self._chosen, "models")
        self.observe(self._named, "model")
        chat.watch(self._news)
        self._news()

    def _operations(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        names = ("read", "say", "edit", "again", "switch", "delete", "stop", "set", "picture", "models", "files", "save", "open", "code")
        return {name: getattr(self, f"_{name}" if name != "models" else "_catalogue") for name in names}

    # ------------------------------------------------------------------ who answers

    def _chosen(self, _: Any) -> None:
        first = self.models[0] if self.models else ""
        self.model = first
        if (self.chat.model or "") != first:
            self.chat.model = first or None

    def _named(self, _: Any) -> None:
        if self.models[:1] != ([self.model] if self.model else []):
            self.models = [self.model] if self.model else []

    # ------------------------------------------------------------------ telling the page

    def _news(self) -> None:
        """Something was asked, said or changed: on any thread."""
        chat = self.chat
        if chat.conversation is not self._conversation:
            self._begin_anew()
        for turn in chat.turns:
            for result in turn.results:
                self._take(result)
        with self.hold_sync():
            self.model = chat.model or ""
            self.busy = chat.busy
            self.turns = sum(node.role == "user" for node in chat.conversation.path())
        start, nodes = self._told, self._nodes(self._told)
        self._told = start + len(nodes)
        self.messages.tell({"op": "chat", **self._state(), "from": start, "nodes": nodes})
        if self._was_busy and not chat.busy:
            self.refresh()
        self._was_busy = chat.busy

    def _begin_anew(self) -> None:
        self._conversation = self.chat.conversation
        self._talk = secrets.token_urlsafe(6)
        self._told = 0

    def _take(self, result: Result) -> None:
        if result not in self._seen:
            self._seen.add(result)
            self._results.append(result)
            self.messages.add(result)
            follow(result, self.messages, self._news)
            if len(self._results) > KEPT_RESULTS:
                self.messages.remove(self._results.popleft())
        if result.done and result.stream and result.stream not in self._figures:
            self._figures[result.stream] = _line(result)

    def _nodes(self, start: int) -> list[dict[str, Any]]:
        return chat_news.batch(self.chat.conversation.nodes[start:], self._figures, self._uploads.shown)

    def _state(self) -> dict[str, Any]:
        chat, conversation = self.chat, self.chat.conversation
        return {
            "talk": self._talk,
            "count": len(conversation.nodes),
            "leaf": conversation.leaf,
            "turns": [_turn(turn) for turn in chat.turns],
            "system": conversation.system or "",
            "options": {name: chat.options[name] for name in OPTIONS if name in chat.options},
            "tools": [str(tool.get("function", tool).get("name", "")) for tool in chat.toolbox.definitions],
        }

    # ------------------------------------------------------------------ what the page asks for

    async def _read(self, content: Mapping[str, Any]) -> Answer:
        start = content.get("from")
        start = start if type(start) is int and start >= 0 and content.get("talk") == self._talk else 0
        return {**self._state(), "from": start, "nodes": self._nodes(start)}

    async def _say(self, content: Mapping[str, Any]) -> Answer:
        self._settled()
        text, pictures = _text(content), content.get("pictures") or []
        parts = [*self._uploads.parts(pictures), {"type": "text", "text": text}] if pictures else text
        self._ask(lambda: self.chat.conversation.ask(parts))
        return None

    async def _edit(self, content: Mapping[str, Any]) -> Answer:
        """The pictures beside the question stay there."""
        self._settled()
        node, text = _number(content, "node"), _text(content)
        old = self.chat.conversation.node(node).message["content"]
        pictures = [] if isinstance(old, str) else [part for part in old if part.get("type") != "text"]
        self._ask(lambda: self.chat.conversation.edit(node, [*pictures, {"type": "text", "text": text}] if pictures else text))
        return None

    async def _again(self, content: Mapping[str, Any]) -> Answer:
        """A question is answered once more, by the models that are chosen or by the one that is named."""
        self._settled()
        node, model = _number(content, "node"), content.get("model")
        if self.chat.conversation.node(node).role != "user":
            raise Refused("bad_request", "Only a question can be answered again.")
        self._ask(lambda: self.chat.conversation.back_to(node), [model] if isinstance(model, str) and model else None)
        return None

    def _ask(self, place: Callable[[], Any], models: list[str] | None = None) -> None:
        self.chat.begin(place, models or list(self.models) or [None], {"show": False})

    async def _switch(self, content: Mapping[str, Any]) -> Answer:
        """To the branch of a message; or with `last`, to end with this very message."""
        self._settled()
        node = _number(content, "node")
        go = self.chat.conversation.back_to if content.get("last") is True else self.chat.conversation.switch
        go(node)
        self.chat.changed()
        return None

    async def _delete(self, content: Mapping[str, Any]) -> Answer:
        """Leave out a question and what followed; the answer says where the talk was, to be gone back to."""
        self._settled()
        leaf = self.chat.conversation.leaf
        self.chat.conversation.undo(_number(content, "node"))
        self.chat.changed()
        return {"leaf": leaf}

    async def _stop(self, content: Mapping[str, Any]) -> Answer:
        """The turn of a stream, or every turn."""
        stream = content.get("stream")
        for turn in list(self.chat.turns):
            if not turn.done and (not stream or any(result.stream == stream for result in turn.results)):
                await turn.stopping()
        return None

    async def _set(self, content: Mapping[str, Any]) -> Answer:
        system, options = content.get("system"), content.get("options")
        if not isinstance(system, str) or not isinstance(options, Mapping):
            raise Refused("bad_request", "The system prompt is a text, and the options are an object.")
        self.chat.conversation.system = system or None
        for name in OPTIONS:
            self.chat.options.pop(name, None)
        self.chat.options.update({name: options[name] for name in OPTIONS if options.get(name) is not None})
        self.chat.changed()
        return None

    async def _picture(self, content: Mapping[str, Any]) -> Answer:
        self._uploads.take(str(content.get("id"))[:64], str(content.get("data")))
        return None

    async def _catalogue(self, _: Mapping[str, Any]) -> Answer:
        models = await api.gateway().models()
        return {"models": [{"id": str(model["id"]), "note": _note(model)} for model in models]}

    # ------------------------------------------------------------------ files

    async def _files(self, _: Mapping[str, Any]) -> Answer:
        return {"files": sorted(path.name for path in Path.cwd().glob(f"*{SUFFIX}"))[:FILES]}

    async def _save(self, content: Mapping[str, Any]) -> Answer:
        """An answer with `exists` asks whether the file of that name is to be replaced."""
        self._settled()
        path = _file(content)
        if path.exists() and content.get("replace") is not True:
            return {"name": path.name, "exists": True}
        self.chat.save(path)
        return {"name": path.name}

    async def _open(self, content: Mapping[str, Any]) -> Answer:
        self._settled()
        path = _file(content)
        try:
            conversation = Conversation.loads(path.read_bytes())
        except OSError as e:
            raise Refused("not_found", unread(path.name, e)) from None
        except ConversationError as e:
            raise Refused("bad_request", f"{path.name} cannot be opened. {e}") from None
        self.chat.turns, self.chat.conversation = [], conversation
        self.chat.changed()
        return {"name": path.name}

    async def _code(self, content: Mapping[str, Any]) -> Answer:
        chat = self.chat
        answered = next((node.model for node in reversed(chat.conversation.path()) if node.model), None)
        options = {name: value for name, value in chat.options.items() if isinstance(value, str | int | float)}
        tools = list(chat.toolbox.functions)
        language = str(content.get("language"))
        return {"code": chat_code.program(chat.conversation, chat.model or answered, tools, options, language)}

    def _settled(self) -> None:
        if self.chat.busy:
            raise Refused("bad_request", "An answer is still coming: stop it, or wait for its end.")

    # ------------------------------------------------------------------ the widget

    def static(self) -> Bundle:
        """See `Widget.static`. What looks like a key is replaced, as in a saved conversation."""
        bundle = chat_card.bundle(self.chat.conversation, self.chat.model)
        return {kind: str(without_secrets(text)) for kind, text in bundle.items()}

    def answers(self) -> Mapping[str, Any]:
        """See `Widget.answers`. What looks like a key is replaced, as a file is made to be given away."""
        for turn in self.chat.turns:
            turn.wait()
        nodes = [chat_news.told(node, self._figures, self._uploads.shown) for node in self.chat.conversation.nodes]
        return {"read": without_secrets({**self._state(), "turns": [], "kept": True, "from": 0, "nodes": nodes})}

    @property
    def finished(self) -> bool:
        """See `Widget.finished`."""
        return not self.chat.busy

    def dispose(self) -> None:
        """See `Widget.dispose`."""
        self.chat.unwatch(self._news)
        super().dispose()


def _turn(turn: Turn) -> dict[str, Any]:
    """A turn as its page needs it: which question it answers, and the streams of its rounds."""
    return {
        "key": turn.key,
        "to": turn.asked,
        "first": turn.first,
        "model": turn.model,
        "runs": [run_of(result) for result in turn.results],
        "done": turn.done,
        "error": turn.error.message if turn.done and turn.error else "",
    }


def _line(result: Result) -> str:
    start = result.start
    signs = [word for word in ("simulated", "replayed") if start and getattr(start, word)]
    return " · ".join([line(result.metrics), *signs])


def _note(model: Mapping[str, Any]) -> str:
    context = model.get("context")
    words = [f"{context:,} tokens" if context else "", *model.get("capabilities", ()), *(n for sign, n in NOTES.items() if model.get(sign))]
    return ", ".join(filter(None, words))


def _text(content: Mapping[str, Any]) -> str:
    text = content.get("text")
    if not isinstance(text, str) or not text.strip():
        raise Refused("bad_request", "A question is a text: write one.")
    if len(text) > QUESTION_CHARACTERS:
        raise Refused("limit", f"The question has {len(text):,} characters, and {QUESTION_CHARACTERS:,} are allowed: make it shorter.")
    return text


def _number(content: Mapping[str, Any], name: str) -> int:
    number = content.get(name)
    if type(number) is not int:
        raise Refused("bad_request", f"'{name}' is the number of a message.")
    return number


def _file(content: Mapping[str, Any]) -> Path:
    """A file in the kernel's folder."""
    name = str(content.get("name") or "").strip()
    if not name or Path(name).name != name or "\\" in name:
        raise Refused("bad_request", "A file of the kernel's folder has a plain name, without folders: such as talk.chat.json.")
    return Path(name if Path(name).suffix else name + SUFFIX)
