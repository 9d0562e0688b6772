"""What is done with comparisons that were saved: conditions checked, two of them told apart, one made again.

`tw.open_comparison` reads one. The command `tokenwidgets report` is a shell over these functions.
"""

from __future__ import annotations

from .again import rerun
from .checks import Check, check
from .differences import Difference, Differences, diff

__all__ = ["Check", "Difference", "Differences", "check", "diff", "rerun"]
