"""A model's Markdown as a tree. What is made of it is tags of our own, or Markdown again; the parser writes nothing itself.

Mistune is the parser nbconvert brings, which Jupyter's server needs: one more dependency in name only. Raw HTML is text, formulas are code,
images are links, and a link's address is a web or mail address or the link is text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from .markup import clean

if TYPE_CHECKING:
    import mistune
    from mistune import BlockParser, BlockState, InlineParser, InlineState

Token: TypeAlias = Mapping[str, Any]
"""A node of mistune's tree: `type`, and `children` or `raw`, and `attrs`."""

CHARACTERS = 100_000
"""The longest text that is parsed; a longer one is shown as it is."""

ADDRESS = 2048
"""Characters of an address that is made a link."""

_SAFE = re.compile(r"(?:https?://[^\s/?#<>\"'`\\]|mailto:[^\s<>\"'`\\])[^\s<>\"'`\\]*", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#x[0-9a-f]{1,6}|#\d{1,7}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)

# Money is no math: a dollar opens only before something and not within a word, and closes only after something and not before a digit.
_MATH = (
    r"\$\$(?!\$)(?P<math_two>[^$]+?)\$\$|(?<![\w$])\$(?![\s$])(?P<math_one>(?:\\[\s\S]|[^\\$])*?)(?<![\s\\])\$(?![\d$])"
    r"|\\\((?P<math_round>[\s\S]+?)\\\)|\\\[(?P<math_square>[\s\S]+?)\\\]"
)
_MATH_BLOCK = (
    r"^ {0,3}(?:\$\$(?P<math_dollars>(?:[^$\n]|\$(?!\$)|\n(?![ \t]*\n))+?)\$\$|\\\[(?P<math_brackets>(?:[^\n]|\n(?![ \t]*\n))+?)\\\])"
    r"[ \t]*(?:\n|$)"
)


def parse(text: str) -> list[Token] | None:
    """The blocks of a text, or None for one that is too long."""
    if len(text) > CHARACTERS:
        return None
    return _parser()(clean(text))  # type: ignore[return-value]  # without a renderer it gives its tokens


@cache
def _parser() -> mistune.Markdown:
    import mistune

    parser = mistune.create_markdown(renderer=None, plugins=["table", "strikethrough", "task_lists", "url"])
    for rules in (parser.block.rules, parser.block.block_quote_rules, parser.block.list_rules):
        rules.remove("raw_html")
    parser.block.register("math", _MATH_BLOCK, _block_math, before="list")
    for rules in (parser.block.block_quote_rules, parser.block.list_rules):
        parser.block.insert_rule(rules, "math", before="list")
        parser.block.insert_rule(rules, "table", before="list")
    parser.inline.register("math", _MATH, _inline_math, before="escape", start_chars=("$", "\\"))
    return parser


def _block_math(_: BlockParser, match: re.Match[str], state: BlockState) -> int:
    state.append_token({"type": "block_math", "raw": _source(match)})
    return match.end()


def _inline_math(_: InlineParser, match: re.Match[str], state: InlineState) -> int:
    state.append_token({"type": "math", "raw": _source(match)})
    return match.end()


def _source(match: re.Match[str]) -> str:
    return next(text for name, text in match.groupdict().items() if name.startswith("math_") and text is not None).strip()


def words(raw: str) -> str:
    """Text with its character references resolved, and cleaned once more: they spell anything."""
    return clean(_REFERENCE.sub(lambda m: html.unescape(m[0]), raw))


def plain(token: Token) -> str:
    """The words of a node and all below it."""
    return words(token["raw"]) if "raw" in token else "".join(plain(child) for child in token.get("children", ()))


def address(token: Token) -> str:
    """The address a link or an image may have; empty if it is none."""
    url = words(str(token["attrs"]["url"]))
    return url if is_address(url) else ""


def is_address(text: str) -> bool:
    """Whether a text is a web or mail address, and nothing a browser could take for another."""
    return len(text) <= ADDRESS and _SAFE.fullmatch(text) is not None and clean(text) == text


def is_break(token: Token) -> bool:
    """Whether it is the one tag that is read: a table's cell has no other way to break a line."""
    return token["type"] == "linebreak" or (
        token["type"] == "inline_html" and re.fullmatch(r"<br ?/?>", token["raw"], re.IGNORECASE) is not None
    )
