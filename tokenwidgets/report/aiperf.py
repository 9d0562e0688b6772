"""A comparison as AIPerf writes a run: `profile_export.jsonl`, a record a request, and `profile_export_aiperf.json`, its summary.

The forms are those of AIPerf 0.13 (`MetricRecordInfo`, `JsonExportData` with schema 1.4), tags and units too. What differs from a run of
its own: an arm of a comparison is a run, and calls of the other arms lie between its requests, so there is no throughput of the run.
Instants are read at the socket, before parsing. Counts of tokens, and what is computed from them, are there where the provider gave one.
A quantile that too few values carry is left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from ..events import End, Entry, Error
from ..formulas import DEFINITIONS
from ..intervals import interpolated
from ..metrics import Metrics, is_content, measure
from ..trials import STOPPED

if TYPE_CHECKING:
    from ..findings import Findings
    from ..trials import Trial

SCHEMA = "1.4"

TIMES = ("time_to_first_token", "time_to_first_output_token", "request_latency")
OF_TOKENS = {"inter_token_latency": ("ms", 1000), "output_token_throughput_per_user": ("tokens/sec/user", 1)}
"""Those that need a count of tokens: their unit, and how many of ours it is."""

QUANTILES = {"p1": 100, "p5": 20, "p10": 10, "p25": 4, "p50": 2, "p75": 4, "p90": 10, "p95": 20, "p99": 100}
"""The fewest values of each, so that one of them lies beyond it."""


def files(of: Findings) -> dict[str, str]:
    """By its path in the folder, the text of each file; a folder an arm."""
    found = {}
    for place, arm in enumerate(of.arms):
        folder = f"{place + 1}-{re.sub(r'[^A-Za-z0-9._-]+', '-', arm.label).strip('-.')[:60] or 'arm'}"
        records = [*_records(of, place)]
        found[f"{folder}/profile_export.jsonl"] = "".join(f"{json.dumps(record)}\n" for record in records)
        found[f"{folder}/profile_export_aiperf.json"] = json.dumps(_summary(of, place, records), indent=2) + "\n"
    return found


def _records(of: Findings, arm: int) -> Iterator[dict[str, Any]]:
    """One a request of the arm, in the order in which they were made."""
    trials = [trial for trial in of.trials if trial.arm == arm]
    for number, trial in enumerate(trials):
        begun = trial.begun or (trial.at,)
        for turn, (at, entries) in enumerate(zip(begun, trial.streams, strict=False)):
            yield _record(trial, entries, number, turn, round((of.created + at) * 1e9))


def _record(trial: Trial, entries: Sequence[Entry], number: int, turn: int, began: int) -> dict[str, Any]:
    metrics, last = measure(entries), entries[-1]
    cancelled = isinstance(last.event, End) and last.event.reason in ("cancelled", "superseded")
    ack, end = metrics.headers_us, began + last.at * 1000
    return {
        "metadata": {
            "session_num": number, "x_request_id": f"{number}-{turn}", "conversation_id": str(number), "turn_index": turn,
            "request_start_ns": began, "request_ack_ns": None if ack is None else began + ack * 1000, "request_end_ns": end,
            "worker_id": "tokenwidgets", "record_processor_id": "tokenwidgets",
            "benchmark_phase": "warmup" if trial.cold else "profiling", "was_cancelled": cancelled,
            "cancellation_time_ns": end if cancelled else None,
        },
        "metrics": {} if isinstance(last.event, Error) else _metrics(entries, metrics),
        "error": _error(last.event) if isinstance(last.event, Error) else None,
    }  # fmt: skip


def _error(event: Error) -> dict[str, Any]:
    return {"code": event.status, "type": event.code, "message": event.message}


def _metrics(entries: Sequence[Entry], metrics: Metrics) -> dict[str, Any]:
    ats = [e.at for e in entries if is_content(e)]
    found: dict[str, Any] = {name: (_figure(name, entries, 1000), "ms") for name in TIMES}
    found["inter_chunk_latency"] = ([(b - a) / 1000 for a, b in pairwise(ats)] or None, "ms")
    if metrics.tokens_exact and metrics.usage is not None:
        usage = metrics.usage
        found |= {name: (_figure(name, entries, by), unit) for name, (unit, by) in OF_TOKENS.items()}
        counts = {"output_sequence_length": metrics.tokens, "output_token_count": usage.output, "reasoning_token_count": usage.reasoning,
                  "input_sequence_length": usage.read}  # fmt: skip
        found |= {name: (count, "tokens") for name, count in counts.items()}
    return {name: {"value": value, "unit": unit} for name, (value, unit) in found.items() if value is not None}


def _figure(name: str, entries: Sequence[Entry], by: int) -> float | None:
    value = DEFINITIONS[name].of(entries)
    return None if value is None else value / by


def _summary(of: Findings, arm: int, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of the requests after the warm-up that did not fail."""
    profiled = [record for record in records if record["metadata"]["benchmark_phase"] == "profiling"]
    good = [record["metrics"] for record in profiled if record["error"] is None]
    names = dict.fromkeys(name for metrics in good for name in metrics)
    errors = Counter(json.dumps(record["error"]) for record in profiled if record["error"] is not None)
    return {
        "schema_version": SCHEMA,
        **{name: _distribution([metrics[name] for metrics in good if name in metrics]) for name in names},
        "request_count": {"unit": "requests", "avg": len(good)}, "error_request_count": {"unit": "requests", "avg": errors.total()},
        "was_cancelled": of.why == STOPPED,
        "error_summary": [{"error_details": json.loads(error), "count": n} for error, n in errors.items()],
        "start_time": _instant(records, "request_start_ns", min), "end_time": _instant(records, "request_end_ns", max),
        "exported_by": f"tokenwidgets {of.environment.get('tokenwidgets', '')}".strip(), "arm": of.arms[arm].label,
    }  # fmt: skip


def _instant(records: Sequence[dict[str, Any]], name: str, which: Any) -> str | None:
    if not records:
        return None
    return datetime.fromtimestamp(which(record["metadata"][name] for record in records) / 1e9, UTC).isoformat()


def _distribution(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of one value a request; of several a request, such as the times between chunks, all of them together."""
    values = sorted(v for metric in found for v in (metric["value"] if isinstance(metric["value"], list) else [metric["value"]]))
    n = len(values)
    quantiles = {name: interpolated(values, int(name[1:]) / 100) for name, least in QUANTILES.items() if n >= least}
    spread = {"std": stdev(values)} if n > 1 else {}
    return {"unit": found[0]["unit"], "avg": fmean(values), **quantiles, "min": values[0], "max": values[-1], **spread, "count": n,
            "sum": sum(values)}  # fmt: skip
