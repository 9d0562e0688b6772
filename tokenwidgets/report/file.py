"""A comparison in a file: JSON, a page that opens anywhere, tables for other tools; and read back from the first two."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import findings_file, recording
from ..errors import Refused
from ..events import Start
from ..recording import FILE_BYTES, Header, RecordingError
from ..request import FIELDS
from . import aiperf, guidellm, page, rows
from .marks import letter

if TYPE_CHECKING:
    from ..findings import Findings

SCHEMA = Path(__file__).parents[1] / "comparison.schema.json"
"""The form of the JSON."""

_BODY = re.compile(rf'<script type="application/json" id="{page.DATA}">(.*?)</script>', re.DOTALL)


def save(of: Findings, path: Path, recordings: bool | Path) -> Path:
    """Write it in the form that the name's ending says; a file that is there is replaced in one step.

    Parameters
    ----------
    of : the comparison, ended or not.
    path : ends in .json, .html, .csv or .parquet.
    recordings : as of `Findings.save`.

    Raises
    ------
    Refused : the ending is none of those, or there is no such folder.
    TokenwidgetsError : a table needs a library that is not installed.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise Refused("bad_request", f"A comparison is saved as {', '.join(FORMS)}; {path.name!r} ends in none of them.")
    if not path.parent.is_dir() or path.is_dir():
        raise Refused("bad_request", f"{path} cannot be written: " + ("it is a folder." if path.is_dir() else "there is no such folder."))
    if isinstance(recordings, Path):
        if not recordings.parent.is_dir() or recordings.is_file():
            raise Refused("bad_request", f"{recordings} is no folder, and cannot become one.")
        _beside(of, recordings)
    replace(path, form(of, recordings is True))
    return path


def replace(path: Path, data: bytes) -> None:
    """Write a file in one step, so that a reader sees the old one or the new one."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        new.write_bytes(data)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _text(of: Findings, words: bool) -> bytes:
    return findings_file.dumps(findings_file.body(of, words)).encode()


FORMS: Mapping[str, Callable[[Findings, bool], bytes]] = {
    ".json": _text,
    ".html": page.page,
    ".csv": lambda of, _words: rows.csv(of),
    ".parquet": lambda of, _words: rows.parquet(of),
}
"""By the ending of a file's name: what writes it."""


def _beside(of: Findings, folder: Path) -> None:
    """Each call's stream as a recording: `017-b.jsonl` is what arm b gave in call 17, for `tw.load` and `tw.replay`."""
    folder.mkdir(exist_ok=True)
    kept = [_request(arm["request"]) for arm in findings_file.body(of)["arms"]]
    for number, trial in enumerate(of.trials, 1):
        for place, entries in enumerate(trial.streams):
            begun = trial.begun[place] if trial.begun else trial.at
            start = entries[0].event
            model = start.model if isinstance(start, Start) else ""
            name = f"{number:03d}-{letter(trial.arm).lower()}" + (f"-{place + 1}" if len(trial.streams) > 1 else "")
            recording.dump(folder / f"{name}.jsonl", Header(model, kept[trial.arm], of.created + begun), entries)


def _request(given: Mapping[str, Any]) -> dict[str, Any]:
    """As a recording has it: what is no field is an option."""
    options = {name: value for name, value in given.items() if name not in FIELDS and value is not None}
    return {name: value for name, value in given.items() if name in FIELDS and value is not None} | {"options": options}


def export(of: Findings, form: str, path: Path) -> Path:
    """Write it in another tool's form.

    Raises
    ------
    Refused : there is no such form, or no folder for it.
    """
    if not isinstance(form, str) or form not in EXPORTS:
        raise Refused("bad_request", f"There is no export {form!r}: it is one of {', '.join(EXPORTS)}.")
    if not path.parent.is_dir():
        raise Refused("bad_request", f"{path} cannot be written: there is no folder {path.parent}.")
    files = EXPORTS[form](of)
    if path.is_file() if any(files) else path.is_dir():
        raise Refused("bad_request", f"{path} cannot be written: {form} is exported to a {'folder' if any(files) else 'file'}.")
    for name, text in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, text.encode())
    return path


EXPORTS: Mapping[str, Callable[[Findings], Mapping[str, str]]] = {"aiperf": aiperf.files, "guidellm": guidellm.files}
"""By the tool's name: the files that it would write, each by its path."""


# ------------------------------------------------------------------ read back


def open_comparison(path: str | Path) -> Findings:
    """A comparison that was saved as JSON or as a page: the same table, plot, verdict and calls; `tw.report.rerun` makes it again.

    Parameters
    ----------
    path : what `save` wrote.

    Raises
    ------
    RecordingError : the file is none, or was saved by a later version, or cannot be read; the sentence says which.
    """
    file = Path(path).expanduser()
    with recording.reading(file, "comparison"):
        return _read(_body(file), file.name)


def _none(name: str, why: str = "") -> RecordingError:
    return RecordingError(f"{name} is no comparison that was saved here{why}.")


def _body(path: Path) -> Any:
    if path.stat().st_size > FILE_BYTES:
        raise _none(path.name, f": it is larger than {FILE_BYTES >> 20} MiB")
    text = path.read_text(encoding="utf-8")
    inside = _BODY.search(text)
    return json.loads(inside[1] if inside else text, parse_constant=_no_number)


def _no_number(text: str) -> None:
    """What JSON does not know, and Python would take for a number."""
    raise ValueError(text)


def _read(body: Mapping[str, Any], name: str) -> Findings:
    from ..findings import Findings
    from ..workloads import read

    _check(body, name)
    transports, budget, workload = body["transports"], findings_file.budget(body), read(body["workload"])
    workload.definition(body["by"])
    kept = Findings(findings_file.arms(body), transports, body["by"], budget, body["seed"], workload)
    kept.created, kept.environment = body["created"], body["environment"]
    kept.places = findings_file.places(body)
    kept.order = [(number, arm) for number, arm in body["order"]]
    kept.trials, kept.places = findings_file.trials(body), findings_file.places(body)
    if any(trial.arm >= len(kept.arms) for trial in kept.trials):
        raise _none(name, ": a call is of an arm that is not there")
    kept.why = body["ended"] or "it was saved while it ran"
    return kept


def _check(body: Mapping[str, Any], name: str) -> None:
    """Whether it has the form that is published; the events, of which there are many, are checked as they are read."""
    from jsonschema import Draft202012Validator

    found = body["tokenwidgets_comparison"]
    if found != findings_file.VERSION:
        later = "a later version" if isinstance(found, int) and found > findings_file.VERSION else "another version"
        raise RecordingError(f"{name} was saved by {later} of this package: its form is {found!r}, this one reads {findings_file.VERSION}.")
    bare = {**body, "trials": [{k: v for k, v in trial.items() if k not in ("entries", "further")} for trial in body["trials"]]}
    wrong = next(Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).iter_errors(bare), None)
    if wrong is not None:
        raise _none(name, f": what stands at {wrong.json_path} does not fit the schema")
