"""Runs what `r.code()` writes, each program in a process of its own, with its key in the environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BOUND = 40.0
"""Longest wait for a program, in seconds: never reached unless it hangs."""


def ran(language: str, code: str, tmp_path: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Status, what was printed, what was complained of. It runs in `tmp_path`."""
    path = tmp_path / {"python": "program.py", "javascript": "program.mjs", "curl": "program.sh"}[language.partition("-")[0]]
    path.write_text(code, encoding="utf-8")
    # A machine's proxy is not asked for its own addresses.
    own = {**os.environ, "no_proxy": "*", "PYTHONUTF8": "1", **environment}
    command = [*_interpreter(path), path, *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=BOUND, check=False, env=own, cwd=tmp_path)
    return done.returncode, done.stdout, done.stderr


def _interpreter(path: Path) -> list[str]:
    if path.suffix == ".py":
        return [sys.executable]
    name, needed, *flags = {".sh": ("sh", "curl"), ".mjs": ("node", "node", "--experimental-websocket", "--no-warnings")}[path.suffix]
    if shutil.which(needed) is None:
        pytest.skip(f"{needed} is not here")
    return [name, *flags]
