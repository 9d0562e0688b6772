"""The static form of a conversation: what stands in a saved notebook, with no kernel and no script."""

from __future__ import annotations

from collections.abc import Iterator

from .chat_news import words_of
from .conversation import Conversation, Node
from .figures import NOTES
from .markdown_html import code, prose
from .markdown_text import fence, inert, rewritten
from .markup import Html, clean, tag
from .skin import GROUND, INK, LINE, QUIET, RED, UI, WRAP

SPEAKERS = {"user": "You", "assistant": "Answer", "tool": "Tool"}

RESULT_CHARACTERS = 2_000
"""What is shown of a tool's result."""


def bundle(conversation: Conversation, model: str | None) -> dict[str, str]:
    """The mimebundle: `text/html`, `text/markdown` and `text/plain`, of the current path.

    Parameters
    ----------
    model : who is asked next; None for the default.
    """
    path = [node for node in conversation.path() if not node.blank or node.error]
    return {
        "text/html": _html(conversation, path, model),
        "text/markdown": "\n\n".join(f"**{inert(_speaker(node))}**\n\n{_markdown(node)}" for node in path) or "*An empty conversation.*",
        "text/plain": "\n\n".join(f"{_speaker(node)}: {_plain(node)}" for node in path) or "An empty conversation.",
    }


def _speaker(node: Node) -> str:
    return node.model or SPEAKERS[node.role] if node.role == "assistant" else SPEAKERS[node.role]


def _plain(node: Node) -> str:
    calls = [f"{name}({arguments})" for name, arguments in _calls(node)]
    return clean("\n".join(filter(None, [words_of(node.message["content"]), *calls, _ending(node)])))


def _markdown(node: Node) -> str:
    said = words_of(node.message["content"])
    text = {"tool": lambda: fence(_cut(said)), "user": lambda: inert(said)}.get(node.role, lambda: rewritten(said))() if said else ""
    calls = [fence(clean(f"{name}({arguments})")) for name, arguments in _calls(node)]
    return "\n\n".join(filter(None, [text, *calls, inert(_ending(node))]))


def _calls(node: Node) -> Iterator[tuple[str, str]]:
    for call in node.message.get("tool_calls", ()):
        yield str(call["function"]["name"]), str(call["function"]["arguments"])


def _ending(node: Node) -> str:
    """How an answer ended, where that is not a matter of course."""
    if node.role == "tool":
        return ""
    return f"Failed: {node.error}" if node.error else NOTES.get(node.finish_reason or "", "")


def _cut(text: str) -> str:
    shown = clean(text[:RESULT_CHARACTERS])
    return shown if len(text) <= RESULT_CHARACTERS else f"{shown}… ({len(text):,} characters)"


# ---- text/html


def _html(conversation: Conversation, path: list[Node], model: str | None) -> Html:
    answers = sum(node.role == "user" for node in path)
    words = f"{answers} {'question' if answers == 1 else 'questions'}" if answers else "nothing was asked yet"
    name = tag("strong", model or "Chat", style="font-weight:600")
    head = tag("div", name, " ", tag("span", words, style=f"color:{QUIET}"), style="margin-bottom:8px")
    return tag("div", head, *(_message(node) for node in path), class_="tex2jax_ignore mathjax_ignore", style=_CARD)


_CARD = (
    f"box-sizing:border-box;max-width:800px;margin:4px 0;padding:10px 16px;border:1px solid {LINE};border-radius:6px;"
    f"background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI}"
)


def _message(node: Node) -> Html:
    match node.role:
        case "user":
            return _question(node)
        case "tool":
            return _result(node)
        case _:
            return _answer(node)


def _question(node: Node) -> Html:
    content = node.message["content"]
    pictures = 0 if isinstance(content, str) else sum(part.get("type") == "image_url" for part in content)
    beside = tag("div", f"with {pictures} {'picture' if pictures == 1 else 'pictures'}", style=f"color:{QUIET}") if pictures else Html("")
    style = f"max-width:72ch;margin:16px 0 8px;padding:8px 12px;border-radius:6px;background:{GROUND};{WRAP}"
    return tag("div", words_of(content), beside, style=style, dir="auto")


def _answer(node: Node) -> Html:
    said = words_of(node.message["content"])
    calls = [tag("div", f"{name}({arguments})", style=_CALL) for name, arguments in _calls(node)]
    ending = tag("div", _ending(node), style=f"margin:4px 0;color:{RED if node.error else QUIET}") if _ending(node) else Html("")
    by = tag("div", node.model or "", style=f"margin:4px 0 0;color:{QUIET};font-size:12px") if said else Html("")
    return tag("div", prose(said) if said else Html(""), *calls, ending, by, style="margin:8px 0;max-width:72ch")


_CALL = f"margin:8px 0 0;color:{QUIET};{WRAP}"


def _result(node: Node) -> Html:
    took = "" if node.seconds is None else f" · {node.seconds:.2f} s"
    summary = tag("summary", f"{'Error' if node.error else 'Result'}{took}", style=f"color:{RED if node.error else QUIET};cursor:pointer")
    return tag("details", summary, code(_cut(words_of(node.message["content"]))), style="margin:0 0 8px")
