"""An answer's words as they come, cut into what can be spoken at once."""

from __future__ import annotations

import re

FIRST_CHARS = 24
"""Length at which the first clause is cut between words: the shorter it is, the sooner there is sound."""

CLAUSE_CHARS = 160
"""The same for the others: the longer they are, the better the melody of their sentences."""

SHORT_CHARS = 40
"""A clause shorter than this is not cut at a comma, except the first."""

_SENTENCE = re.compile(r"[.!?…][\"')\]]*\s|\n")
_PAUSE = re.compile(r"[.!?…,;:—][\"')\]]*\s|\n")
_MARKUP = re.compile(r"[*_`#~|<>\[\]{}\\]+")


class Clauses:
    """Cuts a text that grows; the pieces joined are the text."""

    def __init__(self) -> None:
        self._rest = ""
        self._first = True

    def feed(self, text: str) -> list[str]:
        """The clauses that are whole with what comes next."""
        self._rest += text
        out = list[str]()
        while (at := self._cut()) > 0:
            out.append(self._rest[:at])
            self._rest, self._first = self._rest[at:], False
        return out

    def close(self) -> list[str]:
        """What is left at the end."""
        rest, self._rest = self._rest, ""
        return [rest] if rest else []

    def _cut(self) -> int:
        """Where the next clause ends; 0 where that is not known yet."""
        pause = _PAUSE.search(self._rest, 0 if self._first else SHORT_CHARS)
        ends = [match.end() for match in (_SENTENCE.search(self._rest), pause) if match and self._rest[: match.end()].strip()]
        limit = FIRST_CHARS if self._first else CLAUSE_CHARS
        if not ends and len(self._rest) > limit:
            return self._rest.rfind(" ", 0, limit) + 1
        return min(ends, default=0)


def spoken(clause: str) -> str:
    """A clause as it is read out, without marks that are meant for the eye; empty where nothing can be read."""
    plain = " ".join(_MARKUP.sub(" ", clause).split())
    return plain if any(c.isalnum() for c in plain) else ""
