"""Fixtures for every test. Coroutine tests are run by Jupyter's plugin, which pyproject.toml names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tokenwidgets.clients.inprocess import InProcess

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
        for variable in filter(None, (host.key_env, host.url_env)):
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TOKENWIDGETS_CONFIG", str(tmp_path / "tokenwidgets.toml"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcess]:
    """Streams live in this process, as where there is no Jupyter server."""
    from tokenwidgets import api
    from tokenwidgets.clients.inprocess import InProcess
    from tokenwidgets.portal import portal

    place = InProcess("this is a test")
    monkeypatch.setattr(api, "_gateway", place)
    yield place
    portal().run(place.aclose(), 20)
