"""A conversation as a program: with this package, or without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .chat_news import words_of
from .code import LANGUAGES as WITHOUT
from .code import code
from .conversation import Conversation, Node
from .errors import Refused

LANGUAGES = ("tokenwidgets", *WITHOUT)


def program(conversation: Conversation, model: str | None, tools: list[str], options: Mapping[str, Any], language: str) -> str:
    """The questions of the current path as a program.

    Parameters
    ----------
    model : `host/model`, or None for the default.
    tools : names of the functions.
    options : of every question.
    language : one of `LANGUAGES`: `tokenwidgets` asks them one by one, the others make the last call.

    Raises
    ------
    Refused : the language is not known, nothing was asked yet, or the host is no server that another program could call.
    """
    if language == "tokenwidgets":
        return _asking(conversation, model, tools, options)
    if conversation.asked is None or model is None:
        raise Refused("bad_request", "There is no call to be shown yet: ask something first.")
    asked = conversation.beside()
    asked.back_to(conversation.asked.id)
    request = {"model": model, "system": conversation.system, "messages": asked.to_send(model), "options": dict(options)}
    return code({name: value for name, value in request.items() if value}, language)


def _asking(conversation: Conversation, model: str | None, tools: list[str], options: Mapping[str, Any]) -> str:
    given = [repr(model)] if model else []
    given += [f"system={conversation.system!r}"] if conversation.system else []
    given += [f"tools=[{', '.join(tools)}]"] if tools else []
    given += [f"{name}={value!r}" for name, value in options.items()]
    asked = [_question(node) for node in conversation.path() if node.role == "user"]
    return "\n".join(["import tokenwidgets as tw", "", f"c = tw.chat({', '.join(given)})", *asked]) + "\n"


def _question(node: Node) -> str:
    content = node.message["content"]
    pictures = 0 if isinstance(content, str) else sum(part.get("type") == "image_url" for part in content)
    names = ", ".join(f'"picture-{n + 1}.png"' for n in range(pictures))
    return f"c({words_of(content)!r}{f', images=[{names}]' if names else ''})"
