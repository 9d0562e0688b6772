"""A comparison by matplotlib."""

from __future__ import annotations

import io
import sys
import warnings

import pytest
from comparisons import comparison

from tokenwidgets.errors import TokenwidgetsError
from tokenwidgets.trials import Arm


def test_every_point_median_and_share_is_drawn() -> None:
    pytest.importorskip("matplotlib")
    found = comparison(fails={1: 5})
    points, shares = found.figure().axes
    drawn = [value for line in points.lines if line.get_marker() == "." for value in line.get_xdata()]
    assert sorted(drawn) == sorted(value / 1000 for arm in (0, 1) for value in found.values(arm) if value is not None)
    assert [label.get_text() for label in points.get_yticklabels()] == ["a", "b"]
    assert points.get_xlabel() == "first token (ms)"
    assert len(shares.lines) == 2
    legend = shares.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["a (n = 24)", "b (n = 23)"]


def test_labels_are_text_and_nothing_measured_is_a_figure_too() -> None:
    pytest.importorskip("matplotlib")
    found = comparison(runs=2)
    found.arms[0] = Arm("$\\frac{$ 5 $", {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.figure().savefig(io.BytesIO(), format="svg")
        found.trials = []
        found.figure().savefig(io.BytesIO(), format="png")


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(TokenwidgetsError, match=r"pip install 'tokenwidgets\[plots\]'"):
        comparison(runs=1).figure()
