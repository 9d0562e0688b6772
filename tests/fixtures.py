"""Recorded provider streams, read where they lie; tests that need them skip where they are absent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(os.environ.get("TOKENWIDGETS_FIXTURES") or Path(__file__).parents[2] / "shared" / "fixtures")


def need() -> None:
    """Skip the calling module when the recordings are not there."""
    if not ROOT.is_dir():
        pytest.skip(f"no recorded streams at {ROOT}: set TOKENWIDGETS_FIXTURES to their folder", allow_module_level=True)


def names(*folders: str, api: str) -> list[str]:
    """The recordings of one API in some folders, as `folder/file`."""
    rows = [json.loads(line) for line in (ROOT / "manifest.jsonl").read_text().splitlines()] if ROOT.is_dir() else []
    return sorted(r["file"] for r in rows if r["api"] == api and r["file"].split("/")[0] in folders and (ROOT / r["file"]).exists())


def body(name: str) -> bytes:
    """The response body; payloads whose framing was stripped get it back."""
    raw = (ROOT / name).read_bytes()
    if not name.endswith(".jsonl"):
        return raw
    return b"".join(b"data: %b\n\n" % line for line in raw.splitlines() if line.strip()) + b"data: [DONE]\n\n"


def meta(name: str) -> Any:
    """Request and response head of a recording."""
    return json.loads((ROOT / name).with_suffix(".meta.json").read_text())


def failure(name: str) -> Any:
    """A recorded HTTP failure: `status`, `headers`, `body`."""
    return json.loads((ROOT / "errors" / name).read_text())
