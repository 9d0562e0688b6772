"""A comparison as a table of its calls, and in the forms of other tools."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from comparisons import comparison, stream, trial

from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Usage, encode
from tokenwidgets.formulas import inter_token_latency, time_per_output_token
from tokenwidgets.trials import Arm


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [*csv.DictReader(file)]


def test_a_row_is_a_call_with_every_figure(tmp_path: Path) -> None:
    found = comparison(fails={1: 5})
    rows = read(found.save(tmp_path / "x.csv"))
    assert [float(row["time_to_first_token"]) for row in rows] == [t.figures["time_to_first_token"] for t in found.trials]
    assert [row["contender"] for row in rows] == ["ab"[t.arm] for t in found.trials]
    assert [row["failure"] for row in rows if row["failure"]] == ["The host is overloaded."]
    assert [row["total"] for row in rows if row["failure"]] == [""]
    assert {row["cost_usd"] for row in rows} == {"0.25"}


def test_parquet_holds_the_same(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    found = comparison(fails={1: 5})
    table = pandas.read_parquet(found.save(tmp_path / "x.parquet"))
    assert list(table["time_to_first_token"]) == [t.figures["time_to_first_token"] for t in found.trials]
    assert int(table["total"].isna().sum()) == 1


def test_a_spreadsheet_takes_nothing_for_a_formula(tmp_path: Path) -> None:
    found = comparison(runs=1)
    found.arms[0] = Arm("=cmd|' /C calc'!A0", {})
    assert {row["contender"] for row in read(found.save(tmp_path / "x.csv"))} == {"'=cmd|' /C calc'!A0", "b"}


def test_a_comparison_without_calls_is_an_empty_table(tmp_path: Path) -> None:
    found = comparison()
    found.trials = []
    assert read(found.save(tmp_path / "x.csv")) == []


# ---- AIPerf


def test_aiperf_finds_a_run_an_arm_with_its_tags_and_units(tmp_path: Path) -> None:
    found = comparison(fails={1: 5})
    found.export("aiperf", tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["1-a", "2-b"]
    records = [json.loads(line) for line in (tmp_path / "out" / "2-b" / "profile_export.jsonl").read_text().splitlines()]
    trials = [t for t in found.trials if t.arm == 1]
    assert [record["metadata"]["benchmark_phase"] for record in records] == ["warmup", *["profiling"] * 24]
    assert [record["metadata"]["session_num"] for record in records] == [*range(25)]
    for record, made in zip(records, trials, strict=True):
        metadata = record["metadata"]
        assert metadata["request_start_ns"] == round((found.created + made.at) * 1e9)
        assert metadata["request_end_ns"] - metadata["request_start_ns"] == made.entries[-1].at * 1000
        if record["error"] is None:
            first, between = record["metrics"]["time_to_first_token"], record["metrics"]["inter_token_latency"]
            assert first == {"value": made.figures["time_to_first_token"] / 1000, "unit": "ms"}
            assert between["value"] * 1000 == pytest.approx(inter_token_latency(made.entries))
            assert record["metrics"]["inter_chunk_latency"] == {"value": [20.0, 20.0, 20.0], "unit": "ms"}
    assert [record["error"] for record in records if record["error"]] == [
        {"code": None, "type": "overloaded", "message": "The host is overloaded."}
    ]


def test_aiperfs_summary_leaves_out_what_too_few_calls_carry(tmp_path: Path) -> None:
    comparison(fails={1: 5}).export("aiperf", tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "2-b" / "profile_export_aiperf.json").read_text())
    first = summary["time_to_first_token"]
    assert (first["unit"], first["count"]) == ("ms", 23)
    assert first["min"] <= first["p50"] <= first["p95"] <= first["max"]
    assert "p99" not in first
    assert (summary["request_count"]["avg"], summary["error_request_count"]["avg"]) == (23, 1)
    assert summary["schema_version"] == "1.4"
    assert summary["exported_by"].startswith("tokenwidgets")
    assert "request_throughput" not in summary


def test_tokens_that_nobody_counted_are_not_exported(tmp_path: Path) -> None:
    found = comparison(runs=1)
    bare = tuple(entry for entry in found.trials[0].entries if entry.event.type != "usage")
    found.trials = [trial(1, 0, bare)]
    found.export("aiperf", tmp_path / "out")
    metrics = json.loads((tmp_path / "out" / "1-a" / "profile_export.jsonl").read_text())["metrics"]
    assert set(metrics) == {"time_to_first_token", "time_to_first_output_token", "request_latency", "inter_chunk_latency"}


def test_a_contender_names_a_folder_and_never_leaves_it(tmp_path: Path) -> None:
    found = comparison(runs=1)
    found.arms = [Arm("../../etc/x y", {}), Arm("..", {})]
    found.export("aiperf", tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["1-etc-x-y", "2-arm"]


# ---- GuideLLM


def guidellm(found: Any, tmp_path: Path) -> list[dict[str, Any]]:
    body = json.loads(found.export("guidellm", tmp_path / "benchmarks.json").read_text())
    assert body["metadata"]["version"] == 2
    assert body["config"]["spec"]["data"]
    return body["benchmarks"]  # type: ignore[no-any-return]


def test_guidellm_finds_a_benchmark_an_arm_by_its_own_definitions(tmp_path: Path) -> None:
    found = comparison(fails={1: 5})
    first, second = guidellm(found, tmp_path)
    assert (first["config"]["run_id"], second["config"]["run_id"]) == ("a", "b")
    assert second["metrics"]["request_totals"] == {"successful": 23, "errored": 1, "incomplete": 0, "total": 24}
    warm = [t for t in found.trials if t.arm == 0 and t.round]
    for made, request in zip(warm, first["requests"]["successful"], strict=True):
        timings = request["info"]["timings"]
        assert timings["request_end"] - timings["request_start"] == pytest.approx(made.figures["total"] / 1e6, abs=1e-6)
        assert request["output_metrics"]["text_tokens"] == 4
    tpot = first["metrics"]["time_per_output_token_ms"]["successful"]
    wanted = [time_per_output_token(made.entries) for made in warm]
    assert tpot["mean"] == pytest.approx(sum(value or 0 for value in wanted) / len(wanted) / 1000, rel=1e-4)
    assert tpot["percentiles"]["p50"] == tpot["median"]
    assert first["metrics"]["requests_per_second"] == {}


def test_an_answer_that_was_cut_is_incomplete_to_guidellm(tmp_path: Path) -> None:
    found = comparison(runs=1)
    found.trials = [trial(1, 0, stream(5000, last=End("truncated")))]
    (only,) = guidellm(found, tmp_path)
    assert only["metrics"]["request_totals"] == {"successful": 0, "errored": 0, "incomplete": 1, "total": 1}


def test_other_forms_and_missing_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no export 'llmperf': it is one of aiperf, guidellm"):
        comparison(runs=1).export("llmperf", tmp_path / "x")
    with pytest.raises(Refused, match="there is no folder"):
        comparison(runs=1).export("guidellm", tmp_path / "no" / "x.json")


def test_guidellm_counts_what_a_cache_gave_as_asked(tmp_path: Path) -> None:
    found = comparison(runs=1)
    start, *_, end = stream(400_000)
    usage = Usage(input=100, cache_read=900, output=4)
    found.trials = [trial(1, 0, (start, *(encode(event, i, 9) for i, event in enumerate((usage, end.event), 1))))]
    [benchmark] = guidellm(found, tmp_path)
    assert benchmark["requests"]["successful"][0]["input_metrics"]["text_tokens"] == 1000
