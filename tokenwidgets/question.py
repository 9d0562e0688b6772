"""A prompt on one line that ends in a question mark: IPython would take it for a question about its last word."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Sequence
from typing import TYPE_CHECKING

from IPython.core.inputtransformer2 import EscapedCommand

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_PROMPT = re.compile(r"\s*%stream\s+\S")
"""`%stream?` is still a question about the magic."""


class Question(EscapedCommand):
    """Recognises such a line before IPython's own help does."""

    priority = EscapedCommand.priority - 10

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[tokenize.TokenInfo]]) -> Question | None:
        """The first such line, or None."""
        for line in tokens_by_line:
            first = next((token for token in line if token.type not in (tokenize.INDENT, tokenize.DEDENT)), None)
            if first is not None and first.string == "%" and _PROMPT.match(first.line) and first.line.rstrip().endswith("?"):
                return cls(first.start)
        return None


def install(shell: InteractiveShell) -> None:
    """Let prompts end in question marks."""
    shell.input_transformer_manager.token_transformers.append(Question)


def remove(shell: InteractiveShell) -> None:
    """Undo `install`."""
    transformers = shell.input_transformer_manager.token_transformers
    transformers[:] = [t for t in transformers if t is not Question]
