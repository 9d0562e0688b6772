"""A comparison made again: the same question to the same contenders, in the same order, until the same budget is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import Refused
from ..recording import REDACTED
from ..withheld import NOT_KEPT, is_left_out

if TYPE_CHECKING:
    from ..findings import Findings
    from ..measurement import Measurement


def rerun(findings: Findings, show: bool = True) -> Measurement:
    """Start it from what was saved; returns at once, as `tw.compare` does. Keys are those of here.

    Parameters
    ----------
    findings : of a file, or of a comparison that is over.
    show : tell how far it is.

    Raises
    ------
    Refused : something that was asked is in no file, such as a provider object; or it cannot be compared here.
    """
    from ..measurement import Measurement

    for arm in findings.arms:
        for name, value in arm.request.items():
            for what in _missing(value):
                raise Refused("bad_request", f"It cannot be made again: {name!r} of {arm.label!r} is not in the file ({what}). "
                                             "Start it with tw.compare, and say it there.")  # fmt: skip
    of = findings
    return Measurement(of.arms, of.transports, of.by, of.budget, of.seed, workload=of.workload).begin(show)


def _missing(value: Any) -> Iterator[str]:
    """What stands in place of something that was asked."""
    if is_left_out(value):
        yield str(value[NOT_KEPT])
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _missing(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _missing(item)
    elif isinstance(value, str) and REDACTED in value:
        yield "it looked like a key"
