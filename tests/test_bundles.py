"""What a page has to load: each widget's own bundle, compressed as a server would send it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tokenwidgets.widgets.base import STATIC

BUNDLE_BYTES = 60_000
"""Of one widget, compressed, without the parts that are loaded when they are needed."""

LIMITS = (Path(__file__).parent.parent / "docs" / "limits.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("bundle", sorted(STATIC.glob("*.js")), ids=lambda file: file.stem)
def test_a_widgets_bundle_is_small(bundle: Path) -> None:
    assert len(gzip.compress(bundle.read_bytes(), 9)) <= BUNDLE_BYTES


def test_the_limit_is_documented() -> None:
    assert f"{BUNDLE_BYTES // 1000} kB" in LIMITS
