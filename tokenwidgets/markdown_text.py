"""A model's Markdown, written anew: the same structure in marks of ours, and words in which no viewer finds any.

GitHub, nbviewer and JupyterLab each have a Markdown of their own, with formulas, diagrams, mentions and raw HTML. So what the model wrote
is not passed on: each mark in its words is a character reference, which no Markdown takes for structure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

from . import markdown
from .markdown import Token
from .markup import clean

_MARKS = re.compile(r"[\\`*_{}\[\]()<>#|~!&$:@=^+\-]|(?<=\w)\.(?=\w)|^\s+|(?<=\d)\.(?=\s|$)", re.MULTILINE)
_RENDERED = {"mermaid", "math", "geojson", "topojson", "stl", "html", "svg", "latex", "katex", "abc", "graphviz", "dot", "plantuml"}
"""Languages that one viewer or another does not show but draws."""


def inert(text: str) -> str:
    """Text as Markdown that renders as that text, with its line breaks."""
    return re.sub(r"(?<=[^\n])\n(?=[^\n])", "  \n", _escaped(clean(text)))


def fence(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any in the text."""
    marks = "`" * max(3, _longest(text) + 1)
    return f"{marks}{language}\n{text}\n{marks}"


def rewritten(text: str) -> str:
    """Markdown of the same structure. A text that is too long to be parsed is words only."""
    tokens = markdown.parse(text)
    return inert(text) if tokens is None else _blocks(tokens)


def _escaped(text: str) -> str:
    return _MARKS.sub(lambda m: "".join(c if c == "\n" else f"&#{ord(c)};" if c != " " else "&nbsp;" for c in m[0]), text)


def _longest(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _blocks(tokens: Iterable[Token], between: str = "\n\n") -> str:
    written = [_BLOCKS.get(token["type"], _paragraph)(token) for token in tokens if token["type"] != "blank_line"]
    return between.join(block for block in written if block)


def _paragraph(token: Token) -> str:
    return _inline(token.get("children", [token]))


def _heading(token: Token) -> str:
    return f"{'#' * token['attrs']['level']} {_one_line(token['children'])}"


def _quote(token: Token) -> str:
    return _indented(_blocks(token["children"]), "> ", "> ")


def _list(token: Token) -> str:
    tight, first = bool(token.get("tight")), token["attrs"].get("start", 1)
    marks = [f"{first + i}. " if token["attrs"]["ordered"] else "- " for i in range(len(token["children"]))]
    items = [_item(item, mark, tight) for item, mark in zip(token["children"], marks, strict=True)]
    return ("\n" if tight else "\n\n").join(items)


def _item(token: Token, mark: str, tight: bool) -> str:
    done = {"task_list_item": "[x] " if token.get("attrs", {}).get("checked") else "[ ] "}.get(token["type"], "")
    return _indented(done + _blocks(token["children"], "\n" if tight else "\n\n"), mark, " " * len(mark))


def _indented(text: str, first: str, others: str) -> str:
    head, *rest = text.split("\n")
    return "\n".join([first + head, *(others + line if line else others.rstrip() for line in rest)])


def _code(token: Token) -> str:
    language = re.match(r"[\w+#.-]*", str(token.get("attrs", {}).get("info", "")), re.ASCII)
    name = language[0] if language else ""
    return fence(token["raw"].rstrip("\n"), "" if name.lower() in _RENDERED else name)


def _table(token: Token) -> str:
    head, body = token["children"]
    rules = [{"left": ":--", "center": ":-:", "right": "--:"}.get(cell["attrs"]["align"] or "", "---") for cell in head["children"]]
    rows = [[_one_line(cell["children"]).replace("|", "\\|") for cell in row["children"]] for row in (head, *body["children"])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (rows[0], rules, *rows[1:]))


_BLOCKS: Mapping[str, Callable[[Token], str]] = {
    "paragraph": _paragraph, "block_text": _paragraph, "heading": _heading, "block_quote": _quote, "list": _list, "block_code": _code,
    "block_math": lambda token: fence(token["raw"]), "thematic_break": lambda _: "***", "table": _table,
}  # fmt: skip

_SPANS = {"strong": "**", "emphasis": "*", "strikethrough": "~~"}


def _inline(tokens: Iterable[Token]) -> str:
    return "".join(_span(token) for token in tokens)


def _one_line(tokens: Iterable[Token]) -> str:
    return re.sub(r"\s*\\?\n\s*", " ", _inline(tokens)).strip()


def _span(token: Token) -> str:
    kind = token["type"]
    if kind in _SPANS:
        return f"{_SPANS[kind]}{_inline(token['children'])}{_SPANS[kind]}"
    if kind in ("codespan", "math", "block_math"):
        return _verbatim(token["raw"])
    if kind in ("link", "image"):
        return _link(token)
    if markdown.is_break(token):
        return "\\\n"
    if kind == "softbreak":
        return "\n"
    return _escaped(markdown.words(token["raw"]) if kind == "text" else token.get("raw") or markdown.plain(token))


def _verbatim(text: str) -> str:
    line = " ".join(text.split("\n"))
    marks = "`" * (_longest(line) + 1)
    pad = " " if not line.strip() or line[0] in "` " or line[-1] in "` " else ""
    return f"{marks}{pad}{line}{pad}{marks}"


def _link(token: Token) -> str:
    address = markdown.address(token)
    shown = _inline(token["children"])
    if not address:
        mark = "!" if token["type"] == "image" else ""
        return _escaped(f"{mark}[") + shown + _escaped(f"]({markdown.words(token['attrs']['url'])})")
    place = quote(address, safe="/:?#@=%+,;~.-_&").replace("&", "&amp;")
    return f"[{shown or _escaped(address)}]({place})"
