"""JSON laid out on lines, with every value as it was written: a number keeps its digits."""

from __future__ import annotations

import json
import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


def laid_out(text: str) -> str:
    """The same JSON with two blanks for each level; what is none stays as it is."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    out, depth, before = [], 0, ""
    for part in _TOKEN.findall(text):
        closes, opened = part in ("]", "}"), before in ("[", "{")
        depth -= closes
        if before == "," or opened is not closes:
            out.append("\n" + "  " * depth)
        depth += part in ("[", "{")
        out.append(": " if part == ":" else part)
        before = part
    return "".join(out)
