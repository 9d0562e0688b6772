"""What a docstring says of a function and of its parameters, in the styles of numpy, Google and Sphinx."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SECTION = re.compile(
    r"(?m)^(?:[A-Z]\w*(?: \w+)?:?\n[-=]{3,}$|(?:Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):\s*$|:\w+)"
)
"""Where a description ends."""


def description(text: str) -> str:
    """The first paragraph, on one line.

    Parameters
    ----------
    text : a docstring whose indentation was cleaned.
    """
    head = _SECTION.split(text, maxsplit=1)[0].strip()
    return " ".join(head.split("\n\n", 1)[0].split())


def parameters(text: str, names: Iterable[str]) -> dict[str, str]:
    """What it says of each parameter, on one line; those it does not mention are left out."""
    found = {name: _parameter(text, name) for name in names}
    return {name: words for name, words in found.items() if words}


def _parameter(text: str, name: str) -> str:
    if sphinx := re.search(rf"(?m)^[ \t]*:param (?:[\w\[\], |.]+ )?{re.escape(name)}:[ \t]*(.*(?:\n[ \t]+\S.*)*)", text):
        return " ".join(sphinx[1].split())
    entry = re.search(rf"(?m)^([ \t]*){re.escape(name)}[ \t]*(\([^)\n]*\))?[ \t]*:[ \t]*(.*)((?:\n\1[ \t]+\S.*)*)", text)
    if entry is None:
        return ""
    first, further = entry[3], entry[4]
    # Google: indented under "Args:", the description follows the colon. numpy: flush left, a type follows it, the description below.
    return " ".join((f"{first} {further}" if entry[1] or not further.strip() else further).split())
