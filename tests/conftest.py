"""Fixtures for every test. Coroutine tests are run by Jupyter's plugin, which pyproject.toml names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No test asserts on time, Hypothesis' own deadline included.
settings.register_profile("tokenwidgets", deadline=None)
settings.load_profile("tokenwidgets")

# Every endpoint must ask who is calling; with this, one that forgot would be seen at once.
os.environ["JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS"] = "0"


@pytest.fixture(autouse=True)
def no_keys_and_no_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees this machine's keys, configuration or cache."""
    from tokenwidgets.providers.hosts import BUILT_IN

    for host in BUILT_IN.values():
        if host.key_env:
            monkeypatch.delenv(host.key_env, raising=False)
    monkeypatch.setenv("TOKENWIDGETS_CONFIG", str(tmp_path / "tokenwidgets.toml"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
