"""A comparison in a file, and read back."""

from __future__ import annotations

import json
import re
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from comparisons import PROMPT, comparison, stream, trial
from jsonschema import Draft202012Validator

import tokenwidgets as tw
from tokenwidgets.errors import Refused, TokenwidgetsError
from tokenwidgets.events import Audio, Carry, Notice, Reasoning, Text, Tool, Unknown, encode
from tokenwidgets.findings import Findings
from tokenwidgets.formulas import DEFINITIONS
from tokenwidgets.legs import Leg
from tokenwidgets.places import Place
from tokenwidgets.recording import RecordingError
from tokenwidgets.report import rerun
from tokenwidgets.trials import Arm, Budget, Trial
from tokenwidgets.withheld import without_words
from tokenwidgets.workloads import Cancel
from tokenwidgets.workloads.base import figures_of

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "comparison.schema.json").read_text(encoding="utf-8"))


def full() -> Findings:
    """With whatever a call can have."""
    found = comparison(runs=12, fails={1: 3})
    leg: Leg = {"median_us": 410.5, "p95_us": None, "n": 9, "uncertainty_us": 80.0}
    found.transports = ["sse", "ws"]
    found.trials[4] = Trial(
        1, 0, True, {"total": 5.5}, {"sse": 0.0, "ws": None}, {"ws": "it was cut"}, None, 2.5, stream(300), (stream(400),), (2.5, 2.6), 2,
        {"sse": {"total": 3.0}}, "here", {"sse": {"link": leg}}, {"ws": leg},
    )  # fmt: skip
    found.places = [Place("here", 12.5, 0.5, "", {"python": "3.11"}), Place("there", lost="it went away")]
    return found


def everything(of: Findings) -> list[Any]:
    return [
        of.arms, of.transports, of.by, of.budget, of.seed, of.created, of.order, of.trials, of.why, of.places, of.environment, of.workload,
        of.verdict, repr(of), repr(of.plot()), of.plot()._repr_html_(), of.table.to_dict(),  # type: ignore[union-attr]
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["x.json", "x.html"])
def test_what_is_saved_is_what_is_read_back(name: str, tmp_path: Path) -> None:
    found = full()
    back = tw.open_comparison(found.save(tmp_path / name))
    assert repr(everything(back)) == repr(everything(found))
    assert back.trials == found.trials
    assert back.trials[0].entries[2].data == found.trials[0].entries[2].data
    assert repr(back.advice()) == repr(found.advice())
    assert back.save(tmp_path / "again.json").read_text() == found.save(tmp_path / "first.json").read_text()


def test_a_workload_and_a_run_that_goes_on_are_read_back(tmp_path: Path) -> None:
    found = Findings([Arm("a", {}), Arm("b", {})], [], Cancel.by, Budget(3), 1, Cancel(after=2))
    back = tw.open_comparison(found.save(tmp_path / "x.json"))
    assert back.workload == Cancel(after=2)
    assert back.why == "it was saved while it ran"


@pytest.mark.parametrize("words", [True, False])
def test_the_file_has_the_form_that_is_published(words: bool, tmp_path: Path) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    body = json.loads(full().save(tmp_path / "x.json", recordings=words).read_text())
    Draft202012Validator(SCHEMA).validate(body)
    assert body["arms"][0]["asked_sha256"] == sha256(PROMPT.encode()).hexdigest()
    told = {of["name"]: of for of in body["definitions"]}
    assert told["time_to_first_token"]["formula"] == DEFINITIONS["time_to_first_token"].formula
    assert {"python", "httpx", "tokenwidgets"} <= body["environment"].keys()
    content = [event["at"] for event in body["trials"][0]["entries"] if event["type"] == "text"]
    assert content == [e.at for e in full().trials[0].entries if isinstance(e.event, Text)]


# ---- words left out


def test_without_words_the_figures_stay_and_no_word_does(tmp_path: Path) -> None:
    found = comparison()
    for name in ("x.json", "x.html"):
        text = found.save(tmp_path / name, recordings=False).read_text()
        assert "because" not in text
        assert PROMPT not in text
    back = tw.open_comparison(tmp_path / "x.html")
    assert back.verdict == found.verdict
    assert [figures_of(trial.entries) for trial in back.trials] == [dict(trial.figures) for trial in found.trials]
    assert back.save(tmp_path / "y.json").read_text() == (tmp_path / "x.json").read_text().replace('"words": false', '"words": true')


def test_an_event_without_words_stops_the_same_clocks() -> None:
    events = [
        Text(0, "h\u00e9\ud83d"), Text(0, "\ude00!"), Reasoning(0, "hm"), Tool(0, "id", "secret_name", '{"a": 1}', True, {"a": 1}),
        Audio(0, "QUJD"), Carry(0, "signature"), Notice("citation", {"url": "https://example.org"}),
        Unknown({"type": "later", "secret_name": "x"}),
    ]  # fmt: skip
    entries = [encode(event, seq, 100 * seq) for seq, event in enumerate(events)]
    bare = [without_words(entry) for entry in entries]
    assert figures_of(bare) == figures_of(entries)
    for word in (b"secret_name", b"hm", b"QUJD", b"signature", b"example"):
        assert word not in b"".join(entry.data for entry in bare)


def test_recordings_go_beside_it(tmp_path: Path) -> None:
    found = full()
    found.save(tmp_path / "x.html", recordings=tmp_path / "streams")
    assert "because" not in (tmp_path / "x.html").read_text()
    files = sorted(file.name for file in (tmp_path / "streams").iterdir())
    assert len(files) == len(found.trials) + 1
    assert {"005-a-1.jsonl", "005-a-2.jsonl"} <= set(files)
    assert tw.load(tmp_path / "streams" / files[0]).text == "because of the air "


def test_a_key_is_in_no_form(tmp_path: Path) -> None:
    key = "sk-planted-7f3a9c2e51d84b60"
    found = comparison(runs=1, request={"api_key": key, "system": f"use {key}", "provider": tw.Provider("openai", key=key)})
    found.trials.append(trial(1, 0, stream(5000, f"{key} {key}")))
    for name in ("x.json", "x.html", "x.csv", "x.parquet"):
        assert key.encode() not in found.save(tmp_path / name, recordings=tmp_path / "none").read_bytes()
    found.export("aiperf", tmp_path / "aiperf")
    found.export("guidellm", tmp_path / "benchmarks.json")
    assert found.save(tmp_path / "x.json").read_text().count("[redacted]") > 1
    texts = [file.read_text() for file in tmp_path.rglob("*.json*") if "none" not in file.parts]
    assert not any(key in text for text in texts)


# ---- what is no comparison


def changed(tmp_path: Path, **changes: Any) -> Path:
    body = json.loads(comparison(runs=1).save(tmp_path / "x.json").read_text())
    (tmp_path / "y.json").write_text(json.dumps(body | changes))
    return tmp_path / "y.json"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokenwidgets_comparison": 2}, "later version of this package: its form is 2, this one reads 1"),
        ({"tokenwidgets_comparison": "x"}, "another version"),
        ({"seed": "x"}, r"stands at \$.seed does not fit"),
        ({"by": "no_figure"}, "is no comparison"),
        ({"trials": [{"round": 0, "arm": 0, "figures": {"total": "x"}}]}, r"\$.trials\[0\].figures.total"),
        ({"trials": [{"round": 0, "arm": 9, "figures": {}}]}, "arm that is not there"),
        ({"trials": [{"round": 0, "arm": 0, "figures": {}, "entries": [1]}]}, "is no comparison"),
        ({"trials": [{"round": 0, "arm": 0, "figures": {}, "entries": [{"type": "text", "seq": 0, "at": 1}]}]}, "is no comparison"),
        ({"budget": {"runs": 10**9}}, "is no comparison"),
        ({"workload": {"name": "dance"}}, "is no comparison"),
        ({"transports": ["pigeon"]}, r"\$.transports"),
    ],
)
def test_what_is_no_comparison_is_said_in_a_sentence(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=words) as e:
        tw.open_comparison(changed(tmp_path, **changes))
    assert "y.json" in str(e.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "<html></html>", '{"tokenwidgets_comparison": 1}', "[" * 100_000])
def test_neither_is_any_other_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(RecordingError, match=r"x\.json is no comparison that was saved here"):
        tw.open_comparison(tmp_path / "x.json")
    with pytest.raises(RecordingError, match="cannot be read: no such file"):
        tw.open_comparison(tmp_path / "none.json")


@pytest.mark.parametrize(("name", "words"), [("x.txt", "saved as .json, .html, .csv, .parquet"), ("no/x.json", "no such folder")])
def test_a_file_that_cannot_be_written_is_refused(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=words):
        comparison(runs=1).save(tmp_path / name)


# ---- again


@pytest.mark.usefixtures("in_process")
def test_a_comparison_is_made_again_from_its_file(tmp_path: Path) -> None:
    fast = {"ttft_ms": 1, "itl_ms": 1, "tokens": 5}
    first = tw.compare("hello", models=["sim/steady", "sim/bursty"], runs=2, seed=5, show=False, **fast).wait(60)
    again = rerun(tw.open_comparison(first.save(tmp_path / "x.html")), show=False).wait(60)
    assert [arm for _, arm in again.order] == [arm for _, arm in first.order]
    assert [trial.entries[0].event.model for trial in again.trials] == [trial.entries[0].event.model for trial in first.trials]  # type: ignore[union-attr]
    assert again.why == "the 2 rounds were made"


@pytest.mark.parametrize(
    ("request_", "words", "recordings"),
    [
        ({"provider": tw.Provider("openai", key="sk-planted-7f3a9c2e51d84b60")}, "'provider' of 'a' is not in the file", True),
        ({"images": ["cat.png"]}, "'images' of 'a' is not in the file", True),
        ({"system": "sk-planted-7f3a9c2e51d84b60"}, "it looked like a key", True),
        ({}, r"'prompt' of 'a' is not in the file \(words\)", False),
    ],
)
def test_what_is_in_no_file_is_not_made_again(request_: dict[str, Any], words: str, recordings: bool, tmp_path: Path) -> None:
    saved = comparison(runs=1, request=request_).save(tmp_path / "x.json", recordings=recordings)
    with pytest.raises(Refused, match=words):
        rerun(tw.open_comparison(saved), show=False)


def test_a_file_cannot_make_a_run_write_or_read_others(tmp_path: Path) -> None:
    arms = [{"label": "a", "request": {"prompt": "x", "record": str(tmp_path / "stolen")}, "asked_sha256": ""}]
    with pytest.raises(Refused, match="'record' of 'a' is not in the file"):
        rerun(tw.open_comparison(changed(tmp_path, arms=arms, trials=[], order=[])), show=False)


def test_a_table_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TokenwidgetsError, match="Parquet needs pandas and pyarrow"):
        comparison(runs=1).save(tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_where_an_export_or_its_recordings_cannot_go_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for form, path, words in (
        ("guidellm", tmp_path, "to a file"),
        ("aiperf", tmp_path / "file", "to a folder"),
        ([], tmp_path, "no export"),
    ):
        with pytest.raises(Refused, match=words):
            comparison(runs=1).export(form, path)  # type: ignore[arg-type]
    for folder in (tmp_path / "file", tmp_path / "none" / "none"):
        with pytest.raises(Refused, match="is no folder"):
            comparison(runs=1).save(tmp_path / "a.json", recordings=folder)


def test_a_figure_that_is_no_number_is_no_comparison(tmp_path: Path) -> None:
    saved = comparison(runs=1).save(tmp_path / "a.json")
    saved.write_text(re.sub(r'"time_to_first_token": [\d.]+', '"time_to_first_token": NaN', saved.read_text()))
    with pytest.raises(RecordingError, match="is no comparison"):
        tw.open_comparison(saved)
