"""HTML that cannot be forgotten to be escaped: a plain string becomes text, and only `tag` makes tags."""

from __future__ import annotations

import html
import re


class Html(str):
    """Markup of our own making. Everything else is text."""

    __slots__ = ()


_VOID = ("br",)
_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def clean(text: str) -> str:
    """Text that shows what it holds and nothing else.

    Halves of characters that came in two pieces are joined, lone ones become U+FFFD; line breaks are LF; control characters, and
    those that reorder text (bidi embeddings, overrides, isolates: what looks like one program can be another), show as `[U+202E]`.
    """
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _INVISIBLE.sub(_named, whole.replace("\r\n", "\n").replace("\r", "\n"))


def _named(match: re.Match[str]) -> str:
    return f"[U+{ord(match[0]):04X}]"


def tag(name: str, *children: str, style: str = "", **attributes: str) -> Html:
    """An element. Children that are not `Html`, and every attribute's value, are cleaned and escaped.

    Parameters
    ----------
    name : of the element.
    children : `Html`, or text.
    style : inline CSS of our own.
    attributes : `_` in a name stands for `-`.
    """
    values = ({"style": style} if style else {}) | attributes
    opening = "".join(f' {key.strip("_").replace("_", "-")}="{html.escape(clean(value))}"' for key, value in values.items())
    return Html(f"<{name}{opening}>" if name in _VOID else f"<{name}{opening}>{join(*children)}</{name}>")


def join(*children: str) -> Html:
    """Children beside each other; those that are not `Html` become text."""
    return Html("".join(child if isinstance(child, Html) else html.escape(clean(child)) for child in children))
