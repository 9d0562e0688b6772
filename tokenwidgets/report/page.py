"""A comparison as one page that opens anywhere: without script, without net, and with its own data in it, so that it can be read back.

Everything in it is set by `markup.tag`: what a model, a host or a user wrote is text and nothing else, and the page forbids itself all
scripts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .. import figures, findings_file
from ..events import Start
from ..intervals import median_interval
from ..listing import Table
from ..markup import Html, tag
from ..strip_plot import StripPlot
from ..verdicts import Contender, Verdict
from ..withheld import is_left_out
from .distribution import distribution
from .marks import letter
from .runs import runs
from .style import STYLE, wide

if TYPE_CHECKING:
    from ..findings import Findings

DATA = "tokenwidgets-comparison"
"""Of the element that holds the comparison's JSON."""

PROMPT_CHARACTERS = 4_000
"""Of a prompt that the page shows; the data has all of it."""

ORDER_ROUNDS = 200
"""The most rounds whose order the page tells; the data has all of it."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(of: Findings, words: bool = True) -> bytes:
    """The whole file.

    Parameters
    ----------
    of : the comparison, ended or not.
    words : keep what was asked and answered in it.
    """
    body = findings_file.body(of, words)
    title = _title(of)
    head = [
        tag("title", f"{title}: a comparison"), Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'), Html(f"<style>{STYLE}</style>"),
    ]  # fmt: skip
    main = tag("main", *(_header(of, title), _verdict(of), *(section for section in _sections(of, body) if section)))
    data = Html(f'<script type="application/json" id="{DATA}">{_inert(findings_file.dumps(body))}</script>')
    parts = ['<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">', *head, "<body>", main, data, "</body>\n</html>\n"]
    return "\n".join(parts).encode()


def _inert(text: str) -> str:
    """JSON in which no text, whatever a model wrote, can end the element or begin a comment."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _title(of: Findings) -> str:
    """Who is compared: `a, b or c`."""
    names = [contender.label for contender in of.verdicts[0].contenders] if of.verdicts else [arm.label for arm in of.arms]
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _section(title: str, *children: str) -> Html:
    return tag("section", tag("h2", title), *children)


def _sections(of: Findings, body: Mapping[str, Any]) -> list[Html]:
    return [
        _section("Figures", wide("Figures", _set(of.words), kind="wide numbers"), _all_figures(of)),
        _section("Every value", *_values(of)),
        _section("Every call", runs(of)) if of.trials else Html(""),
        _section("What was asked", *_asked(body)),
        _section("Order", *_order(of)),
        _section("Where it was measured", _pairs(of.environment), *_places(of)),
        _section("Definitions", *_definitions(body)),
        _section("Data", *_data(body)),
    ]


def _header(of: Findings, title: str) -> Html:
    date = datetime.fromtimestamp(of.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    calls = f"{len(of.trials):,} of {len(of.order):,} calls" + (f", ended: {of.why}" if of.why else ", not ended")
    told = [tag("p", words, class_="told") for words in _told(of)]
    return tag("header", tag("h1", title), tag("p", f"{date} · {calls}", class_="quiet"), *told)


def _told(of: Findings) -> list[str]:
    """What must be known before a figure is read."""
    starts = [entries[0].event for trial in of.trials for entries in trial.streams[:1]]
    known = [start for start in starts if isinstance(start, Start)]
    words = {"simulated": "no model answered; its figures are those of the simulator's settings",
             "replayed": "recordings were played; no provider was called"}  # fmt: skip
    counts = {name: sum(bool(getattr(start, name)) for start in known) for name in words}
    return [f"{n:,} of {len(of.trials):,} calls were {name}: {words[name]}." for name, n in counts.items() if n]


def _verdict(of: Findings) -> Html:
    found = [sentence for verdict in of.verdicts for sentence in verdict.sentences]
    rest = of.verdict.removeprefix(" ".join(found)).strip()
    return tag("section", tag("h2", "Verdict"), *(tag("p", words) for words in [*found, rest] if words), class_="verdict")


# ------------------------------------------------------------------ figures


def _set(table: Table) -> Html:
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in table.head)))
    rows = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in table.rows]
    return tag("table", head, tag("tbody", *rows))


def _all_figures(of: Findings) -> Html:
    """The median of every figure, with its interval, of every arm."""
    verdicts = [of.judged(name) for name in findings_file.measured(of)]
    head = ["figure", *(f"{letter(i)} {arm.label}" for i, arm in enumerate(of.arms))]
    rows = [[verdict.measure.title, *(_median(verdict, contender, of.seed) for contender in verdict.contenders)] for verdict in verdicts]
    words = tag("p", "Medians of the warm calls, with their 95 % intervals. What differs here by chance is not told apart from what does "
                "not: the verdict is about the figure that was chosen before the first call.", class_="quiet")  # fmt: skip
    return tag(
        "details", tag("summary", "Every figure"), words, wide("Every figure", _set(Table(head, rows)), kind="wide numbers"), open=""
    )


def _values(of: Findings) -> list[Html]:
    """Points and distributions: of what was compared, and of the legs of transports."""
    return [wide("Every value", Html(StripPlot([*of.verdicts, *of.ways])._repr_html_()), kind="strips"), *map(distribution, of.verdicts)]


def _median(verdict: Verdict, contender: Contender, seed: int) -> str:
    found, measure = median_interval(contender.known, seed), verdict.measure
    if found is None:
        return f"{len(contender.known)} values" if contender.known else figures.UNKNOWN
    return f"{measure.words(found.estimate)} [{measure.words(found.low)}, {measure.words(found.high)}]"


# ------------------------------------------------------------------ how it was measured


def _asked(body: Mapping[str, Any]) -> list[Html]:
    """The prompt once where all were asked the same, and the rest of each request."""
    found = dict.fromkeys(_prompt(arm["request"]) for arm in body["arms"])
    prompts = [tag("pre", words, dir="auto", tabindex="0") for words in found]
    rows = [[letter(i), arm["label"], _rest(arm["request"]), arm["asked_sha256"][:16]] for i, arm in enumerate(body["arms"])]
    budget = ", ".join(f"{name} {value:g}" for name, value in body["budget"].items() if value is not None)
    ways = [tag("p", f"Read over {', '.join(body['transports'])}.")] if body["transports"] else []
    table = _set(Table(["who", "contender", "request", "SHA-256 of the prompt"], rows))
    return [*prompts, wide("Contenders", table), *ways, tag("p", f"Budget: {budget}.", class_="quiet")]


def _prompt(request: Mapping[str, Any]) -> str:
    asked = next((request[name] for name in ("prompt", "messages") if request.get(name) is not None), "")
    if is_left_out(asked):
        return "The words of the prompt were left out."
    text = asked if isinstance(asked, str) else json.dumps(asked, indent=1, ensure_ascii=False)
    return (
        text if len(text) <= PROMPT_CHARACTERS else f"{text[:PROMPT_CHARACTERS]}\n… and {len(text) - PROMPT_CHARACTERS:,} characters more"
    )


def _rest(request: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in request.items() if name not in ("prompt", "messages", "show") and value is not None}
    return ", ".join(f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}" for name, value in rest.items())


def _order(of: Findings) -> list[Html]:
    rounds: dict[int, list[str]] = {}
    for number, arm in of.order[: len(of.trials)]:
        rounds.setdefault(number, []).append(letter(arm))
    told = [" ".join(arms) for number, arms in rounds.items() if number < ORDER_ROUNDS]
    words = (f"Each round asked every contender once, in an order drawn with seed {of.seed}. The first round is cold and counts in no "
             "figure, nor does a later call that had to open a connection, unless every call of its contender did.")  # fmt: skip
    more = f" | … {len(rounds) - ORDER_ROUNDS:,} rounds more" if len(rounds) > ORDER_ROUNDS else ""
    names = " · ".join(f"{letter(i)} {arm.label}" for i, arm in enumerate(of.arms))
    return [tag("p", words), tag("p", names, class_="quiet"), tag("p", tag("code", " | ".join(told) + more), style="max-width:none")]


def _pairs(of: Mapping[str, str]) -> Html:
    rows = [tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in of.items()]
    return tag("table", tag("tbody", *rows), style="width:auto")


def _places(of: Findings) -> list[Html]:
    """Those that made the calls, where that was not here."""
    rows = [[place.label, place.clock, place.lost, ", ".join(f"{k} {v}" for k, v in place.environment.items())] for place in of.places]
    table = _set(Table(["place", "its clock is ahead", "lost", "environment"], rows))
    return [wide("Places", table)] if rows else []


def _definitions(body: Mapping[str, Any]) -> list[Html]:
    names = ("title", "formula", "clock", "excludes", "source")
    rows = [[str(of[name]) for name in names] for of in body["definitions"]]
    words = "Instants are microseconds since the call began, before name resolution and connect, read at the socket before parsing."
    table = _set(Table(["figure", "formula", "clock", "what does not count", "source"], rows))
    return [tag("p", words), wide("Definitions", table)]


def _data(body: Mapping[str, Any]) -> list[Html]:
    kept = "every event of every stream, with its words" if body["words"] else "every event of every stream, without a word of it"
    return [
        tag("p", f"This file holds what it shows: what was asked, {kept}, order and seed, as JSON in the element ", tag("code", DATA), "."),
        tag("pre", 'import tokenwidgets as tw\nc = tw.open_comparison("report.html")\nc.table, c.verdict, c.trials'),
    ]
