"""What is written is true: limits, commands, names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


def test_every_limit_of_the_server_is_documented_with_its_default() -> None:
    from traitlets import Float, Int

    from jupyter_server_ext.app import TokenWidgetsApp

    rows = (ROOT / "docs/limits.md").read_text()
    for name, trait in TokenWidgetsApp.class_own_traits(config=True).items():
        if isinstance(trait, Int | Float):
            row = re.search(rf"^\| `{name}` \| ([\d.]+)( MiB)?", rows, re.MULTILINE)
            assert row, f"docs/limits.md has no row for {name}"
            assert float(row[1]) * (2**20 if row[2] else 1) == trait.default_value, name


def test_the_two_commands_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    commands = re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands[:2] == ["demo", "test"]
    for command in commands:
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} points to {target}"


@pytest.mark.parametrize("path", [*PAGES, *ROOT.glob("notebooks/*.ipynb")], ids=lambda path: path.name)
def test_nothing_tells_of_the_machine_it_was_written_on(path: Path) -> None:
    text = path.read_text()
    for trace in ("/root/", "/home/", "/work/", "/tmp/", "registry.npmjs", "pypi.org", "pythonhosted"):
        assert trace not in text, trace


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.name)
def test_notebooks_hold_no_widget_state_and_no_ticket(path: Path) -> None:
    notebook = json.loads(path.read_text())
    assert "widgets" not in notebook["metadata"]
    assert "widget-view" not in path.read_text()
    assert "X-Tokenwidgets-Ticket" not in path.read_text()
