"""How many words were heard wrong."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def word_error_rate(said: str, heard: str) -> float:
    """The share of words that were changed, left out or added: the edit distance over words by the number said (NIST's sclite).

    Case and punctuation do not count.

    Parameters
    ----------
    said : the words that were spoken; at least one.
    heard : the words that were written down.
    """
    want, got = _words(said), _words(heard)
    row = list(range(len(got) + 1))
    for i, word in enumerate(want, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1] / len(want)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.replace("’", "'").lower())
