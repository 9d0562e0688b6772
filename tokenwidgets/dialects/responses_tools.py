"""The provider's own tools in a response: what they do is a notice, what they wait for is the client's turn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..events import Notice
from .untrusted import string

_PROGRESS = re.compile(r"response\.(\w+_call|mcp_list_tools)(?:_(\w+))?\.(\w+)")
"""Such as `response.web_search_call.searching` and `response.apply_patch_call_operation_diff.delta`."""

_DETAILS = ("delta", "command_index", "partial_image_b64", "partial_image_index")

_CLIENTS = ("function_call", "apply_patch_call", "computer_call", "local_shell_call", "mcp_approval_request")
"""Items that the client has to answer."""

_SHARED = ("custom_tool_call", "shell_call")
"""Further ones, which some providers make for themselves (xAI its searches, OpenAI a shell in a container): text after them shows it."""


def progress(event: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says of a provider's tool: `type` with its `status`, or with a `part` that grows; empty when it is none.

    The end of a part is left out: the item that is done holds it whole.
    """
    found = _PROGRESS.fullmatch(event)
    if not found:
        return {}
    tool, part, step = found.groups()
    if part and step != "delta":
        return {}
    said = {"part": part} if part else {"status": step}
    return {"type": tool, **said, **{k: raw[k] for k in _DETAILS if raw.get(k) is not None}}


def notice(block: int, item: Mapping[str, Any], whole: bool) -> Notice:
    """An item of a provider's tool: that it is there, or all of it but its encrypted parts, which are for the provider alone."""
    shown = {k: v for k, v in item.items() if not k.startswith("encrypted") and (whole or k in ("type", "status"))}
    return Notice("server_tool", {**shown, "block": block})


class Waiting:
    """The calls that wait for the client; true while there are any."""

    def __init__(self) -> None:
        self._sure: set[str] = set()
        self._shared: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._sure or self._shared)

    def see(self, index: int, item: Mapping[str, Any]) -> None:
        """Take note of an item: a call, the answer to one, or text after one. `index` stands for the id of a call without one."""
        kind = string(item.get("type"))
        call_id = string(item.get("call_id")) or f"#{index}"
        if kind in _SHARED:
            self._shared.add(call_id)
        elif kind in _CLIENTS or (kind == "tool_search_call" and item.get("execution") == "client"):
            self._sure.add(call_id)
        elif kind == "message":
            self._shared.clear()
        elif kind.endswith("_output"):
            self._sure.discard(call_id)
            self._shared.discard(call_id)
