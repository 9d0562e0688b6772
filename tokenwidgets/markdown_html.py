"""A model's Markdown as tags of our own: inline styles, and plain structure that reads well where styles are dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from . import markdown
from .markdown import Token
from .markup import Html, join, tag
from .skin import CODE, GROUND, INK, LINE, PROSE, QUIET, TINT, WRAP

GAP = 14
"""Pixels above a block, as in the live card: Jupyter's own distance between paragraphs."""

_SIZES = ("1.4em", "1.22em", "1.08em", "1em", "1em", "1em")
_FRAME = "border:0;background:none"


def prose(text: str, colour: str = INK) -> Html:
    """A text, set. One that is too long to be parsed is shown as it is.

    Parameters
    ----------
    text : Markdown.
    colour : of its words.
    """
    style = f"max-width:72ch;margin:0 0 8px;color:{colour};font:14px/1.5 {PROSE};overflow-wrap:anywhere"
    tokens = markdown.parse(text)
    if tokens is None:
        return tag("div", text, style=f"{style};{WRAP}", dir="auto")
    return tag("div", *_outermost(tokens), style=style, dir="auto") if text.strip() else Html("")


def code(text: str, language: str = "", below: int = 8) -> Html:
    """A block of code, as it is.

    Parameters
    ----------
    text : the code.
    language : what stands above it, text like any other.
    below : pixels to what follows.
    """
    label = tag("div", language, style=f"margin:0 0 4px;color:{QUIET};font-size:11px") if language else Html("")
    style = f"margin:0;padding:0;border:0;background:none;color:{INK};font:13px/1.5 {CODE};{WRAP}"
    return tag(
        "div",
        label,
        tag("pre", text, style=style, dir="ltr"),
        style=f"box-sizing:border-box;max-width:640px;margin:0 0 {below}px;padding:8px 10px;border-radius:4px;background:{GROUND}",
    )


def _outermost(tokens: Iterable[Token]) -> list[Html]:
    """Blocks, of which paragraphs are as the page sets them: JupyterLab parses every style of an output again whenever it looks for
    headings, and a long answer has hundreds of paragraphs.
    """
    shown = [token for token in tokens if token["type"] != "blank_line"]
    last = len(shown) - 1
    return [
        _bare(token, i > 0 and shown[i - 1]["type"] != "paragraph", i == last)
        if token["type"] == "paragraph"
        else _block(token, GAP if i else 0)
        for i, token in enumerate(shown)
    ]


def _bare(token: Token, below_other: bool, last: bool) -> Html:
    """A paragraph with the page's own distance below it."""
    style = ";".join([f"margin-top:{GAP}px"] * below_other + ["margin-bottom:0"] * last)
    return tag("p", *_inline(token["children"]), **({"style": style} if style else {}))


def _blocks(tokens: Iterable[Token], gap: int = GAP) -> list[Html]:
    shown = [token for token in tokens if token["type"] != "blank_line"]
    return [_block(token, 0 if i == 0 else gap) for i, token in enumerate(shown)]


def _block(token: Token, above: int) -> Html:
    make = _BLOCKS.get(token["type"], _paragraph)
    return make(token, above)


def _box(above: int, more: str = "") -> str:
    return f"margin:{above}px 0 0;padding:0;color:inherit;{more}"


def _paragraph(token: Token, above: int) -> Html:
    return tag("p", *_inline(token.get("children", [token])), style=_box(above))


def _words(token: Token, above: int) -> Html:
    """What a tight list holds in place of paragraphs."""
    inside = _inline(token["children"])
    return tag("div", *inside, style=f"margin:{above}px 0 0") if above else join(*inside)


def _heading(token: Token, above: int) -> Html:
    level = token["attrs"]["level"]
    style = _box(max(above, 18) if above and level <= 3 else above, f"font-size:{_SIZES[level - 1]};font-weight:600;line-height:1.3")
    return tag(f"h{level}", *_inline(token["children"]), style=style)


def _quote(token: Token, above: int) -> Html:
    style = f"margin:{above}px 0 0;padding:0 0 0 12px;border:0;border-left:2px solid {LINE};color:{QUIET}"
    return tag("blockquote", *_blocks(token["children"]), style=style)


def _list(token: Token, above: int) -> Html:
    between = 2 if token.get("tight") else GAP
    items = [_item(item, 0 if i == 0 else between, bool(token.get("tight"))) for i, item in enumerate(token["children"])]
    style = f"margin:{above}px 0 0;padding:0 0 0 24px"
    if not token["attrs"]["ordered"]:
        return tag("ul", *items, style=style)
    first = token["attrs"].get("start", 1)
    return tag("ol", *items, style=style, **({"start": str(first)} if first != 1 else {}))


def _item(token: Token, above: int, tight: bool) -> Html:
    inside = _blocks(token["children"], 2 if tight else GAP)
    if token["type"] == "task_list_item":
        mark = "☑ " if token["attrs"]["checked"] else "☐ "
        return tag("li", mark, *inside, style=f"margin:{above}px 0 0;list-style:none;text-indent:-18px")
    return tag("li", *inside, style=f"margin:{above}px 0 0")


def _code(token: Token, above: int) -> Html:
    language = markdown.words(str(token.get("attrs", {}).get("info", "")))
    return tag("div", code(token["raw"].rstrip("\n"), language, 0), style=f"margin:{above}px 0 0")


def _math(token: Token, above: int) -> Html:
    style = f"margin:{above}px 0 0;padding:2px 0;{_FRAME};color:{INK};font:13px/1.5 {CODE};{WRAP}"
    return tag("pre", token["raw"], style=style, dir="ltr")


def _rule(_: Token, above: int) -> Html:
    return tag("hr", style=f"margin:{above + 6}px 0 0;height:0;border:0;border-top:1px solid {LINE}")


def _table(token: Token, above: int) -> Html:
    head, body = token["children"]
    rows = [tag("tr", *_cells(row["children"]), style=_FRAME) for row in body["children"]]
    inside = (tag("thead", tag("tr", *_cells(head["children"]), style=_FRAME)), tag("tbody", *rows))
    style = f"width:auto;margin:0;{_FRAME};border-collapse:collapse;color:inherit;font-size:.95em;font-variant-numeric:tabular-nums"
    return tag("div", tag("table", *inside, style=style), style=f"margin:{above}px 0 0;max-width:100%;overflow-x:auto")


def _cells(cells: Sequence[Token]) -> list[Html]:
    """All rules are below the rows, and no cell has space on the outer sides."""
    return [
        tag("th" if cell["attrs"]["head"] else "td", *_inline(cell["children"]), style=_cell(cell["attrs"], i == len(cells) - 1))
        for i, cell in enumerate(cells)
    ]


def _cell(attributes: Mapping[str, object], last: bool) -> str:
    weight = "600" if attributes["head"] else "400"
    return (
        f"max-width:40ch;padding:4px {0 if last else 16}px 4px 0;{_FRAME};border-bottom:1px solid {LINE};white-space:normal;"
        f"text-align:{attributes['align'] or 'left'};vertical-align:top;font-weight:{weight}"
    )


_BLOCKS: Mapping[str, Callable[[Token, int], Html]] = {
    "paragraph": _paragraph, "block_text": _words, "heading": _heading, "block_quote": _quote, "list": _list, "block_code": _code,
    "block_math": _math, "thematic_break": _rule, "table": _table,
}  # fmt: skip

_SPANS = {"strong": "strong", "emphasis": "em", "strikethrough": "del"}


def _inline(tokens: Iterable[Token]) -> list[Html]:
    return [_span(token) for token in tokens]


def _span(token: Token) -> Html:
    kind = token["type"]
    if kind in _SPANS:
        return tag(_SPANS[kind], *_inline(token["children"]))
    if kind in ("codespan", "math", "block_math"):
        return tag("code", token["raw"], style=f"padding:1px 4px;border-radius:3px;background:{TINT};color:inherit;font:.93em/1.4 {CODE}")
    if kind in ("link", "image"):
        return _link(token)
    if markdown.is_break(token):
        return tag("br")
    return join(
        "\n" if kind == "softbreak" else markdown.words(token["raw"]) if kind == "text" else token.get("raw") or markdown.plain(token)
    )


def _link(token: Token) -> Html:
    """A link says where it leads. An image is one too, as loading it would tell others that it is read."""
    address = markdown.address(token)
    if not address:
        return join(
            "!" if token["type"] == "image" else "", "[", *_inline(token["children"]), f"]({markdown.words(token['attrs']['url'])})"
        )
    inside = [markdown.plain(token) or address] if token["type"] == "image" else _inline(token["children"])
    return tag("a", *inside, href=address, title=address, rel="noopener noreferrer", target="_blank", style="text-decoration:underline")
