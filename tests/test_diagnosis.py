"""`tw.doctor()`: one line for everything a stream needs; it never fails itself."""

from __future__ import annotations

import os

import pytest

import tokenwidgets as tw
from tokenwidgets import api, pages
from tokenwidgets.clients.rest import Rest
from tokenwidgets.portal import portal
from tokenwidgets.runtime import Server

KEY = "sk-planted-1234567890abcdef"


def findings() -> dict[str, tuple[bool, str]]:
    return {f.what: (f.works, f.why) for f in tw.doctor()}


def test_here(in_process):
    found = findings()
    assert f"tokenwidgets {tw.__version__}" in found["versions"][1]
    assert found["widgets"] == (False, "no notebook: answers are printed")
    works, why = found["Jupyter server"]
    assert not works
    assert "this is a test" in why
    assert found["transports"] == (True, "comm, as streams live in this process")
    assert not found["WebRTC"][0]
    assert not found["subshells"][0]
    assert "highlight" in found["heavy parts"][1]
    assert found["configuration"][0]
    assert "none" in found["provider keys"][1]
    assert isinstance(found["local model"][0], bool)


def test_it_is_a_table_everywhere(in_process):
    diagnosis = tw.doctor()
    assert len(repr(diagnosis).splitlines()) == len(diagnosis) == len(list(diagnosis))
    assert diagnosis._repr_html_().count("<tr>") == len(diagnosis) + 1
    assert diagnosis[0].what == "versions"


def test_keys_are_named_by_where_they_are_from(in_process, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert findings()["provider keys"] == (True, "openai (from $OPENAI_API_KEY)")
    assert KEY not in repr(tw.doctor()) + tw.doctor()._repr_html_()


def test_a_broken_configuration_is_found_and_escaped(in_process, tmp_path):
    (tmp_path / "tokenwidgets.toml").write_text("default_model = <b>\n")
    works, why = findings()["configuration"]
    assert not works
    assert "tokenwidgets.toml" in why
    assert "<b>" not in tw.doctor()._repr_html_()


def test_a_key_file_that_others_can_read_is_found(in_process, tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "keys.toml").write_text(f'openai = "{KEY}"\n')
    (tmp_path / "config" / "keys.toml").chmod(0o644)
    works, why = findings()["provider keys"]
    assert not works
    assert "chmod 600" in why
    assert KEY not in repr(tw.doctor())


def test_a_server_that_is_away_is_found(monkeypatch):
    place = Rest(Server(os.getpid(), "http://127.0.0.1:9/", "a-ticket-of-the-tests", tw.__version__))
    monkeypatch.setattr(api, "_gateway", place)
    found = findings()
    assert "does not answer" in found["Jupyter server"][1]
    assert not found["Jupyter server"][0]
    assert not found["provider keys"][0]
    assert "a-ticket-of-the-tests" not in repr(tw.doctor())
    portal().run(place.aclose(), 20)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ({"host": "VS Code", "server": False, "webrtc": True}, "VS Code, and it can reach no Jupyter server"),
        ({"host": "", "server": True, "webrtc": False}, "one that does not say what it is, and it came from a Jupyter server"),
        ({"host": 7, "server": "yes"}, "none has shown a widget yet: show one, then ask again"),
        (None, "none has shown a widget yet: show one, then ask again"),
    ],
)
def test_what_a_page_told_is_told(in_process, monkeypatch, page, words):
    monkeypatch.setattr(pages, "_latest", None)
    pages.told({"op": "shown", "page": page})
    assert findings()["page"][1] == words


def test_a_page_that_reaches_no_server_has_comm_only(monkeypatch):
    place = Rest(Server(os.getpid(), "http://127.0.0.1:9/", "a-ticket-of-the-tests", tw.__version__))
    monkeypatch.setattr(api, "_gateway", place)
    monkeypatch.setattr(pages, "_latest", pages.Page("VS Code", server=False, webrtc=True))
    found = findings()
    assert found["transports"] == (True, "comm, as the page can reach no server")
    assert found["WebRTC"] == (False, "the page can reach no Jupyter server")
    portal().run(place.aclose(), 20)


@pytest.mark.parametrize("name", ["sim", "replay", "local"])
def test_it_names_what_needs_no_key(in_process, name):
    assert name in findings()["provider keys"][1]
