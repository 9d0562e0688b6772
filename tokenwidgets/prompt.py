"""Filling a notebook's variables into a prompt.

`{name}`, also dotted and indexed, is replaced only if it resolves to something that is there. Nothing is evaluated: no calls, no
arithmetic, no format specs. Every other brace stays as it is, so JSON, CSS and code in a prompt are safe.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

_FIELD = re.compile(r"\{([^\W\d]\w*)((?:\.[^\W\d]\w*|\[(?:-?\d+|'[^'\n]*'|\"[^\"\n]*\")\])*)\}")
_STEP = re.compile(r"\.([^\W\d]\w*)|\[([^\]]*)\]")


def fill(text: str, names: Mapping[str, Any]) -> str:
    """A prompt with its variables in.

    Parameters
    ----------
    text : the prompt as typed.
    names : the notebook's variables.
    """
    return _FIELD.sub(lambda match: _resolved(match, names), text)


def _resolved(match: re.Match[str], names: Mapping[str, Any]) -> str:
    try:
        value = names[match[1]]
        for attribute, index in _STEP.findall(match[2]):
            value = getattr(value, attribute) if attribute else value[ast.literal_eval(index)]
        return str(value)
    except Exception:
        # Whatever a user's object raises on look-up means that it is not there.
        return match[0]
