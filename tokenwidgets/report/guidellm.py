"""A comparison as GuideLLM's `benchmarks.json`, a benchmark an arm.

The form is that of GuideLLM 0.8.1 (`GenerativeBenchmarksReport`, version 2), and its definitions are used: a request lasts until its
stream's end, TPOT includes the wait for the first token. It wants every quantile of whatever was measured, so that here, other than in
our own files, a p99.9 stands even of few values, interpolated; what was not measured is absent, such as what a request waited in a queue
of that tool, which is 0 as there was none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median, mode, pvariance
from typing import TYPE_CHECKING, Any

from ..events import Entry, Error
from ..findings_file import body
from ..formulas import whole
from ..intervals import interpolated
from ..metrics import is_content, measure

if TYPE_CHECKING:
    from ..findings import Findings
    from ..trials import Trial

VERSION = 2

QUANTILES = {"p001": 0.001, "p01": 0.01, "p05": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95,
             "p99": 0.99, "p999": 0.999}  # fmt: skip

STATUSES = {"successful": "completed", "errored": "errored", "incomplete": "cancelled"}
"""Its three kinds of requests, and what it calls the state of each."""

NO_QUEUE = ("queued_time_avg", "resolve_start_delay_avg", "resolve_targeted_start_delay_avg", "request_start_delay_avg",
            "request_targeted_start_delay_avg", "resolve_end_delay_avg", "finalized_delay_avg", "processed_delay_avg")  # fmt: skip

Request = dict[str, Any]
Of = Callable[[Request], float | None]


def files(of: Findings) -> dict[str, str]:
    """The one file; its path is that of the export itself."""
    report = {
        "metadata": {
            "version": VERSION, "guidellm_version": f"exported by tokenwidgets {of.environment.get('tokenwidgets', '')}".strip(),
            "python_version": of.environment.get("python", ""), "platform": of.environment.get("platform", ""),
        },
        "config": _config(of),
        "benchmarks": [benchmark for place in range(len(of.arms)) if (benchmark := _benchmark(of, place))],
    }  # fmt: skip
    return {"": json.dumps(report) + "\n"}


def _config(of: Findings) -> dict[str, Any]:
    """It wants to know how GuideLLM was called; it was not. This is the least that says so, with the hashes of the prompts as the data."""
    asked = [arm["asked_sha256"] for arm in body(of, words=False)["arms"]]
    spec = {
        "backend": {"kind": "openai_http", "target": "http://not-called.invalid"}, "profile": {"kind": "synchronous"},
        "data": [{"kind": "in_memory_item_list", "data": asked, "column_name": "prompt_sha256"}],
    }  # fmt: skip
    return {"metadata": {"labels": {"name": "a comparison of tokenwidgets"}}, "spec": spec}


def _benchmark(of: Findings, arm: int) -> dict[str, Any] | None:
    """None for an arm that was not asked after its cold round."""
    trials = [trial for trial in of.trials if trial.arm == arm and not trial.cold]
    requests = [request for number, trial in enumerate(trials) for request in _requests(of, trial, number)]
    if not requests:
        return None
    start, end = min(_start(r) for r in requests), max(_end(r) for r in requests)
    counts = {name: len([*_of(requests, status)]) for name, status in STATUSES.items()} | {"total": len(requests)}
    return {
        "type_": "generative_benchmark",
        "config": {"run_id": of.arms[arm].label, "run_index": arm, "strategy": {"type_": "synchronous"}, "constraints": {}, "profile": {},
                   "requests": {}, "backend": {}, "environment": dict(of.environment)},
        "scheduler_state": {},
        "scheduler_metrics": {
            "start_time": start, "request_start_time": start, "measure_start_time": start, "measure_end_time": end,
            "request_end_time": end, "end_time": end, "requests_made": counts, **dict.fromkeys(NO_QUEUE, 0.0),
            "request_time_avg": fmean(map(_latency, requests)), "resolve_time_avg": fmean(map(_latency, requests)),
        },
        "metrics": _metrics(requests, counts),
        "requests": {name: [*_of(requests, status)] for name, status in STATUSES.items()} | {"total": None},
    }  # fmt: skip


def _requests(of: Findings, trial: Trial, number: int) -> Iterable[Request]:
    begun = trial.begun or (trial.at,)
    for turn, (at, entries) in enumerate(zip(begun, trial.streams, strict=False)):
        yield _request(entries, f"{trial.arm}-{number}-{turn}", turn, of.created + at)


def _request(entries: Sequence[Entry], name: str, turn: int, began: float) -> Request:
    found, last = measure(entries), entries[-1]
    status = "errored" if isinstance(last.event, Error) else "completed" if whole(found) else "cancelled"
    usage = found.usage

    def at(us: float | None) -> float | None:
        return None if us is None else began + us / 1e6

    timings = {
        "resolve_start": began, "request_start": began, "first_request_iteration": at(found.first_token_us),
        "first_token_iteration": at(found.first_token_us), "first_output_token_iteration": at(found.first_answer_us),
        "last_token_iteration": at(found.last_content_us), "last_request_iteration": at(found.last_content_us),
        "request_iterations": found.chunks, "token_iterations": sum(map(is_content, entries)), "request_end": at(last.at),
        "resolve_end": at(last.at),
    }  # fmt: skip
    return {
        "type_": "generative_request_stats", "request_id": name,
        "info": {"request_id": name, "turn_index": turn, "status": status, "timings": timings,
                 "error": last.event.message if isinstance(last.event, Error) else None},
        "input_metrics": {"text_tokens": usage.read if usage else None},
        "output_metrics": {"text_tokens": found.tokens if found.tokens_exact else None},
    }  # fmt: skip


def _of(requests: Iterable[Request], status: str) -> Iterable[Request]:
    return (request for request in requests if request["info"]["status"] == status)


def _timing(request: Request, name: str) -> Any:
    return request["info"]["timings"][name]


def _start(request: Request) -> float:
    return float(_timing(request, "request_start"))


def _end(request: Request) -> float:
    return float(_timing(request, "request_end"))


# ------------------------------------------------------------------ its figures of a request


def _tokens(request: Request) -> int | None:
    count: int | None = request["output_metrics"]["text_tokens"]
    return count


def _since(name: str) -> Of:
    def ms(request: Request) -> float | None:
        return None if _timing(request, name) is None else 1000 * (_timing(request, name) - _start(request))

    return ms


def _latency(request: Request) -> float:
    return _end(request) - _start(request)


def _per_token(request: Request) -> float | None:
    last, count = _since("last_token_iteration")(request), _tokens(request)
    return last / count if last is not None and count else None


def _between(request: Request) -> float | None:
    first, last, count = _since("first_token_iteration")(request), _since("last_token_iteration")(request), _tokens(request)
    return (last - first) / (count - 1) if first is not None and last is not None and count is not None and count > 1 else None


def _rate(request: Request) -> float | None:
    count = _tokens(request)
    return count / _latency(request) if count is not None and _latency(request) > 0 else None


MEASURED: Mapping[str, Of] = {
    "request_latency": _latency, "request_streaming_iterations_count": lambda r: _timing(r, "request_iterations"),
    "prompt_token_count": lambda r: r["input_metrics"]["text_tokens"], "output_token_count": _tokens,
    "time_to_first_token_ms": _since("first_token_iteration"), "time_to_first_output_token_ms": _since("first_output_token_iteration"),
    "time_per_output_token_ms": _per_token, "inter_token_latency_ms": _between, "output_tokens_per_second": _rate,
}  # fmt: skip

UNMEASURED = ("requests_per_second", "request_concurrency", "total_token_count", "time_to_last_round_trip_ms", "avg_round_trip_time_ms",
              "prompt_tokens_per_second", "tokens_per_second", "output_tokens_per_iteration", "iter_tokens_per_iteration")  # fmt: skip
"""Its form wants them; they are empty: calls of other arms lie between those of one."""

MODALITIES = {"text": ("tokens", "words", "characters"), "image": ("tokens", "images", "pixels", "bytes"),
              "video": ("tokens", "frames", "seconds", "bytes"), "audio": ("tokens", "samples", "seconds", "bytes"),
              "tool_call": ("tokens", "mixed_tokens", "count")}  # fmt: skip


def _metrics(requests: Sequence[Request], counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "request_totals": counts,
        **{name: _statuses(requests, figure) for name, figure in MEASURED.items()},
        **{name: {} for name in UNMEASURED},
        **{modality: dict.fromkeys(names) for modality, names in MODALITIES.items()},
    }


def _statuses(requests: Sequence[Request], figure: Of) -> dict[str, Any]:
    kinds = {name: [*_of(requests, status)] for name, status in STATUSES.items()} | {"total": requests}
    found = {name: [value for request in kind if (value := figure(request)) is not None] for name, kind in kinds.items()}
    return {name: _distribution(values) for name, values in found.items() if values}


def _distribution(values: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(values)
    variance = pvariance(ordered)
    return {
        "mean": fmean(ordered), "median": median(ordered), "mode": mode(ordered), "variance": variance, "std_dev": variance**0.5,
        "min": ordered[0], "max": ordered[-1], "count": len(ordered), "total_sum": sum(ordered),
        "percentiles": {name: interpolated(ordered, q) for name, q in QUANTILES.items()},
    }  # fmt: skip
