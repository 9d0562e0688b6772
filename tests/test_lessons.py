"""The teaching notebooks run from start to end, and their checks come out right: of the answers one can give, one is right."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from test_notebook import environment

LESSONS = sorted((Path(__file__).parent.parent / "notebooks").glob("1?_*.ipynb"))
SECONDS = 120
"""Longest wait for a cell: never reached unless it hangs."""

RIGHT = {
    "10_sse_by_hand": "b",
    "11_websocket_frames": "c",
    "12_webrtc_step_by_step": "b",
    "13_head_of_line_blocking": "webrtc-ordered",
    "14_buffering_proxies": "c",
    "15_reconnect_and_resume": "b",
}

ASK = "for given in [None, *REASONS]:\n    print(given, check(given).split()[0], sep=':')"


def test_every_lesson_is_run() -> None:
    assert [path.stem for path in LESSONS] == list(RIGHT)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_and_its_check_is_right(path: Path, tmp_path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    book.cells.append(new_code_cell(ASK))
    NotebookClient(book, timeout=SECONDS, resources={"metadata": {"path": str(tmp_path)}}).execute(env=environment(tmp_path))
    said = dict(line.split(":") for line in book.cells[-1].outputs[0].text.split())
    assert said.pop("None") == "No"
    assert {given for given, word in said.items() if word.startswith("Right")} == {RIGHT[path.stem]}
    assert {word for given, word in said.items() if given != RIGHT[path.stem]} == {"Not"}
