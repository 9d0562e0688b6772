"""What a page is told of a conversation: its messages, as small as they can be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .conversation import Node
from .dialects.dump import dump
from .uploads import Preview

BATCH_BYTES = 256 * 1024
"""Messages told at a time; the page asks for the rest. Jupyter drops what exceeds 1 MB a second."""


def batch(nodes: Sequence[Node], figures: Mapping[str, str], shown: Callable[[str], Preview]) -> list[dict[str, Any]]:
    """The first of some messages, at least one, as many as go in one batch.

    Parameters
    ----------
    figures : the line under an answer, by its stream.
    shown : what is to be seen of a picture.
    """
    out: list[dict[str, Any]] = []
    size = 0
    for node in nodes:
        one = told(node, figures, shown)
        size += len(dump(one))
        if out and size > BATCH_BYTES:
            break
        out.append(one)
    return out


def told(node: Node, figures: Mapping[str, str], shown: Callable[[str], Preview]) -> dict[str, Any]:
    """One message; parameters as above."""
    message, content = node.message, node.message.get("content")
    fields = {
        "id": node.id,
        "parent": node.parent,
        "role": node.role,
        "text": words_of(content),
        "pictures": list(_pictures(content, shown)),
        "thoughts": message.get("reasoning_content"),
        "calls": [_call(call) for call in message.get("tool_calls", ())],
        "call": message.get("tool_call_id"),
        "model": node.model,
        "stream": node.stream,
        "finish_reason": node.finish_reason,
        "error": node.error,
        "seconds": node.seconds,
        "figures": figures.get(node.stream or "") or _tokens(node),
    }
    return {name: value for name, value in fields.items() if name in ("id", "parent") or (value is not None and value not in ("", []))}


def words_of(content: Any) -> str:
    """The text of a message's content."""
    return content if isinstance(content, str) else " ".join(str(p.get("text", "")) for p in content or () if p.get("type") == "text")


def _pictures(content: Any, shown: Callable[[str], Preview]) -> Iterator[dict[str, Any]]:
    for part in () if isinstance(content, str) else content or ():
        if part.get("type") == "image_url":
            yield _picture(str(part["image_url"]["url"]), shown)


def _picture(url: str, shown: Callable[[str], Preview]) -> dict[str, Any]:
    """An address is only named: loading it would tell others that it is read."""
    if not url.startswith("data:"):
        return {"name": url[:200], "preview": "", "note": "a picture on the net"}
    preview = shown(url)
    kind = url[len("data:") :].partition(";")[0].removeprefix("image/").upper()
    return {"name": preview.name, "preview": preview.url, "note": f"{kind[:8]}, {_size(len(url) * 3 // 4)}"}


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{max(count // 1024, 1)} KiB"


def _call(call: Mapping[str, Any]) -> dict[str, str]:
    function = call.get("function", {})
    return {"id": call["id"], "name": str(function.get("name", "")), "arguments": str(function.get("arguments", ""))}


def _tokens(node: Node) -> str | None:
    """What a file tells of an answer's cost."""
    return f"{node.usage.output:,} tok" if node.usage and node.usage.output else None
