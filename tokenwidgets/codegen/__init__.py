"""Programs without this package: readable templates, one a file, and what is put in them."""

from __future__ import annotations

import re
from importlib.resources import files

_PLACE = re.compile(r"^( *)\{\{(\w+)\}\}\n|\{\{(\w+)\}\}", re.MULTILINE)
"""A place with a line of its own indents every line of what is put there; with nothing to put there, the line goes."""


def filled(template: str, **values: str) -> str:
    """A template with text put in its `{{places}}`, in one pass: what looks like a place in that text is none.

    Parameters
    ----------
    template : its file in this folder, without the ending `.txt`.
    """
    text = files(__package__).joinpath(f"{template}.txt").read_text(encoding="utf-8")
    return _PLACE.sub(lambda place: values[place[3]] if place[3] else _lines(values[place[2]], place[1]), text)


def without_os(text: str) -> str:
    """A program that needs no key asks nothing of the environment."""
    return text if "os.environ" in text else text.replace("import os\n", "", 1)


def _lines(text: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" for line in text.rstrip("\n").split("\n")) if text else ""
