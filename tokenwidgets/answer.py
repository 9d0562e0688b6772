"""What a stream says, read from its events: text, calls, counts, figures, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .events import End, Error, Reasoning, Refusal, Start, Text, Tool, Usage
from .journal import Journal
from .metrics import Metrics, measure

if TYPE_CHECKING:
    import pandas


class Answer:
    """A stream's events, as far as they came.

    Parameters
    ----------
    request : the request's JSON, or what is known of it.
    journal : the events.
    """

    def __init__(self, request: Mapping[str, Any], journal: Journal) -> None:
        self.request = dict(request)
        self.journal = journal
        self._received: list[int] = []

    def _all(self, kind: type[Text] | type[Reasoning] | type[Refusal]) -> str:
        return "".join(e.event.delta for e in self.journal.entries if isinstance(e.event, kind) and e.event.choice == 0)

    @property
    def model(self) -> str:
        """The model that was asked for, `host/model`."""
        start = self.start
        return start.model if start else str(self.request.get("model") or "")

    @property
    def start(self) -> Start | None:
        """The stream's first event, once it is here."""
        first = self.journal.entries[0].event if self.journal.entries else None
        return first if isinstance(first, Start) else None

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._all(Text)

    @property
    def reasoning(self) -> str:
        """The model's thinking so far, apart from the answer."""
        return self._all(Reasoning)

    @property
    def refusal(self) -> str:
        """The model's refusal, if it refused."""
        return self._all(Refusal)

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls that are complete: `id`, `name`, `arguments` (parsed, or None with `invalid` true)."""
        names: dict[int, Tool] = {}
        calls = []
        for tool in (e.event for e in self.journal.entries if isinstance(e.event, Tool)):
            first = names.setdefault(tool.block, tool)
            if tool.done:
                calls.append(
                    {"id": tool.id or first.id, "name": tool.name or first.name, "arguments": tool.arguments, "invalid": tool.invalid}
                )
        return calls

    @property
    def usage(self) -> Usage | None:
        """Token counts as the provider gave them, or None."""
        return self.metrics.usage

    @property
    def finish_reason(self) -> str | None:
        """Why it ended, or None while it runs or when it failed."""
        end = self._last
        return end.reason if isinstance(end, End) else None

    @property
    def error(self) -> Error | None:
        """What went wrong, or None."""
        end = self._last
        return end if isinstance(end, Error) else None

    @property
    def _last(self) -> Any:
        terminal = self.journal.terminal
        return terminal.event if terminal else None

    @property
    def metrics(self) -> Metrics:
        """The figures of what came so far."""
        return measure(self.journal.entries)

    @property
    def tokens(self) -> pandas.DataFrame:
        """One row a chunk of content: `seq`, `at` (µs since the attempt began, at the provider's socket), `received` (µs since this kernel
        asked, when it had the chunk: another clock's zero), `kind`, `text`. A chunk is not always a token. Needs pandas.
        """
        from .table import tokens

        return tokens(self.journal.entries, self._received)

    def __str__(self) -> str:
        return self.text
