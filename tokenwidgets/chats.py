"""`tw.chat`: a conversation, and how its questions are asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import api, images
from .chat_news import words_of
from .conversation import Conversation, ConversationError
from .errors import Refused, unread
from .events import Usage
from .output import in_notebook, shows_widgets
from .providers import config
from .result import Result
from .rounds import ROUNDS, Turn
from .structured import Structure
from .tools import Toolbox, ToolLike

if TYPE_CHECKING:
    from .widgets.chat import ChatWidget


class Chat:
    """A conversation with a model. Calling it asks the next question; `print(c)`, `c.save(…)` and `c.messages` look back.

    Parameters
    ----------
    model : `host/model`, an alias, or None for the default; may be changed between two questions.
    conversation : what has been said already.
    tools : functions, which are called in this kernel; definitions in the form of OpenAI's chat completions, which are only declared.
    rounds : the most times the model is asked in one turn.
    options : of every question: whatever `tw.stream` takes.

    Attributes
    ----------
    turns : those that answer the question that was asked last: one, or one for each of several models; `last` is the first of them.

    Raises
    ------
    Refused : a function cannot be a tool, or `rounds` is none.
    """

    def __init__(
        self,
        model: str | None = None,
        conversation: Conversation | None = None,
        tools: Iterable[ToolLike] = (),
        rounds: int = ROUNDS,
        **options: Any,
    ) -> None:
        if type(rounds) is not int or rounds < 1:
            raise Refused("bad_request", f"'rounds' is a whole number from 1 up, not {rounds!r}.")
        self._model = model
        self.conversation = conversation or Conversation()
        self.toolbox = Toolbox(tools)
        self.rounds = rounds
        self.options = options
        self.last: Turn | None = None
        self.turns: list[Turn] = []
        self._listeners: list[Callable[[], None]] = []

    @property
    def model(self) -> str | None:
        """The model that is asked."""
        return self._model

    @model.setter
    def model(self, model: str | None) -> None:
        self._model = model
        self.changed()

    def __call__(self, prompt: str, *, images: Iterable[Any] = (), schema: Any = None, **options: Any) -> Turn:
        """Ask the next question; returns at once, with the answer coming. A turn that still runs is waited for.

        Parameters
        ----------
        images : pictures beside it, each a path, an address, bytes, a PIL image or a figure.
        schema : form of the answer: a JSON schema, a dataclass, a `TypedDict` or a pydantic model; see `turn.parsed`.
        options : of this question, over those of the chat; `model` is who answers this one.

        Raises
        ------
        Refused : what can be refused before anything is asked.
        """
        content = _content(prompt, images)
        self._settled()
        return self._turn(lambda: self.conversation.ask(content), schema, options)

    def edit(self, prompt: str, *, at: int = -1, images: Iterable[Any] = (), schema: Any = None, **options: Any) -> Turn:
        """Ask an earlier question otherwise and go on from there. What followed it is kept as a branch of `conversation`.

        Parameters
        ----------
        at : which question, counted like the items of a list.
        """
        content = _content(prompt, images)
        self._settled()
        asked = [node for node in self.conversation.path() if node.role == "user"]
        try:
            node = asked[at].id
        except IndexError:
            raise Refused("not_found", f"There is no question {at}: {len(asked)} were asked.") from None
        return self._turn(lambda: self.conversation.edit(node, content), schema, options)

    def again(self, *, schema: Any = None, **options: Any) -> Turn:
        """Have the last question answered again, perhaps by another `model`. The earlier answer is kept as a branch."""
        self._settled()
        if (asked := self.conversation.asked) is None:
            raise Refused("bad_request", "Nothing was asked yet.")
        return self._turn(lambda: self.conversation.back_to(asked.id), schema, options)

    def undo(self) -> str | None:
        """Take the last question and its answer back; returns what was asked, or None."""
        self._settled()
        node = self.conversation.undo()
        self.changed()
        return words_of(node.message["content"]) if node else None

    def _settled(self) -> None:
        for turn in self.turns:
            turn.wait()

    def _turn(self, place: Callable[[], Any], schema: Any, options: dict[str, Any]) -> Turn:
        more = {**options} | ({} if schema is None else {"schema": Structure(schema)})
        return self.begin(place, [more.pop("model", self.model)], more)[0]

    def begin(self, place: Callable[[], Any], models: Sequence[str | None], options: Mapping[str, Any]) -> list[Turn]:
        """Ask from where `place` puts the conversation; where that is refused, it stays as it was. Waits for nothing.

        Parameters
        ----------
        models : who is asked, each in a branch of its own; the talk goes on from the first one's.
        options : of this question, over those of the chat.
        """
        given = {**self.options, **options}
        if given.get("record") is not None and self.toolbox.functions:
            raise Refused(
                "bad_request", "A recording holds one stream, and a turn with tools may have several: save turn.results[0] instead."
            )
        api.gateway()  # found here: later rounds are asked on the portal, which cannot wait for itself
        before = self.conversation.leaf
        place()
        places = [self.conversation, *(self.conversation.beside() for _ in models[1:])]
        try:
            self.turns = [self._begun(model, place, given) for model, place in zip(models, places, strict=True)]
        except BaseException:
            self.conversation.leaf = before
            raise
        self.last = self.turns[0]
        self.changed()
        return self.turns

    def _begun(self, model: str | None, place: Conversation, options: Mapping[str, Any]) -> Turn:
        turn = Turn(place, self.toolbox, self.rounds, lambda: self._ask(model, place, options), options.get("show", True))
        turn.watch(self.changed)
        return turn.begin()

    def _ask(self, model: str | None, place: Conversation, options: Mapping[str, Any]) -> Result:
        return api.stream(
            messages=place.to_send(_named(model)),
            model=model,
            system=place.system,
            tools=self.toolbox.definitions,
            **options,
        )

    @property
    def busy(self) -> bool:
        """Whether an answer is coming."""
        return any(not turn.done for turn in self.turns)

    # ------------------------------------------------------------------ showing

    def watch(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever something was asked, said or changed; on any thread."""
        self._listeners.append(listener)

    def unwatch(self, listener: Callable[[], None]) -> None:
        """Call it no more."""
        self._listeners.remove(listener)

    def changed(self) -> None:
        """Tell who watches: to be called after a change of `conversation` or `options`."""
        for listener in list(self._listeners):
            listener()

    def show(self) -> None:
        """Show it as a widget, to talk in; in a terminal, print what was said."""
        if not shows_widgets():
            print(self)  # noqa: T201 (this is the terminal's display)
            return
        from .widgets.chat import ChatWidget

        ChatWidget(self).show()

    def _ipython_display_(self) -> None:
        if in_notebook():
            self.show()
        else:
            print(repr(self))  # noqa: T201 (this is the terminal's display)

    def _display_(self) -> ChatWidget:
        """What marimo shows of it."""
        from .widgets.chat import ChatWidget

        return ChatWidget(self)

    # ------------------------------------------------------------------ looking back

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What has been said, in the form of OpenAI's chat completions."""
        return self.conversation.messages

    @property
    def usage(self) -> Usage | None:
        """The tokens of every answer, or None where no provider told any."""
        return self.conversation.usage

    def save(self, path: str | Path) -> Path:
        """Write the conversation to a file that `tw.open_chat` reads; what looks like a key in it is replaced.

        Raises
        ------
        Refused : the file cannot be written.
        """
        self._settled()
        target = Path(path).expanduser()
        new = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            new.write_text(self.conversation.dumps(), "utf-8", "surrogatepass")
            new.replace(target)
        except OSError as e:
            new.unlink(missing_ok=True)
            raise Refused("bad_request", f"{target} cannot be written: {(e.strerror or 'no such folder').lower()}.") from None
        return target

    def __repr__(self) -> str:
        return f"<chat with {self.model or 'the default model'}: {len(self.conversation.path())} messages>"

    def __str__(self) -> str:
        spoken = [(m["role"], words_of(m["content"])) for m in self.messages if m["role"] != "tool"]
        return "\n\n".join(f"{role}: {words}" for role, words in spoken if words)


def chat(
    model: str | None = None, *, system: str | None = None, tools: Iterable[ToolLike] = (), rounds: int = ROUNDS, **options: Any
) -> Chat:
    """Begin a conversation: `c = tw.chat("openai/gpt-5.2")`, then `c("…")` asks.

    Parameters
    ----------
    model : `host/model`, an alias, or None for the default.
    system : instructions before all messages.
    tools : Python functions the model may call: their names, docstrings and annotations are what it is told.
    rounds : the most times it is asked in one turn.
    options : of every question: whatever `tw.stream` takes.
    """
    return Chat(model, Conversation(system), tools, rounds, **options)


def open_chat(path: str | Path, *, model: str | None = None, tools: Iterable[ToolLike] = (), rounds: int = ROUNDS, **options: Any) -> Chat:
    """A conversation that `Chat.save` wrote, to go on with; tools and options are not in the file.

    Parameters
    ----------
    model : who goes on; by default the model that answered last.

    Raises
    ------
    ConversationError : the file is no conversation, or cannot be read.
    """
    try:
        conversation = Conversation.loads(Path(path).expanduser().read_bytes())
    except OSError as e:
        raise ConversationError(unread(path, e)) from None
    answered = next((node.model for node in reversed(conversation.path()) if node.model), None)
    return Chat(model or answered, conversation, tools, rounds, **options)


def _content(prompt: str, pictures: Iterable[Any]) -> Any:
    if not isinstance(prompt, str) or not prompt:
        raise Refused("bad_request", "A question is a text.")
    return images.content(prompt, pictures)


def _named(model: str | None) -> str | None:
    """The model behind an alias."""
    try:
        return config.load().model(model) if model else None
    except Refused:
        return model  # the stream will say what is wrong with the configuration
