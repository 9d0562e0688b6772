"""The network lab: one stream over several transports at once, across a link that can be made as bad as one likes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

import traitlets

from ..card import TRANSPORTS
from ..comm import Answer
from ..errors import Refused, TokenwidgetsError
from ..lab import backends, card
from ..lab.base import LANES, Backend, Impairment, Lane, Plan
from ..lab.experiment import Experiment
from ..lab.link import checked
from ..lab.names import NAMES
from ..lab.page import PageClient
from ..lab.reading import Measured, nothing, provenance
from ..lab.verdict import NONE, SKIPPED, verdict
from ..output import Bundle
from ..portal import portal, wait
from .base import STATIC, Widget

if TYPE_CHECKING:
    import pandas

TOKENS = 10_000
"""The longest run: one without an end is stopped after so many tokens."""

LOSS = 0.05
"""Share of the packets that a lab loses where nothing else is said."""

_NUMBERS = {field.name for field in fields(Impairment)} - {"cut"}


class NetworkLab(Widget):
    """Lanes across an impaired link: tokens as they come out on the far side, packets as they fly and drop, delays as they are spread.

    A kernel runs one lab at a time, which would else share the machine: to start one stops the other. `tw.network_lab` makes it.

    Parameters
    ----------
    backend : that impairs the link.
    plan : what is run, with the lanes that are wished for.
    page : whether the page is the relay's client.
    """

    _esm = STATIC / "lab.js"
    _css = STATIC / "lab.css"

    backend = traitlets.Unicode("", help="How the link is impaired: tun, model, relay or recorded.").tag(sync=True)
    page = traitlets.Bool(False, help="Whether the page is the client on the far side of the relay.").tag(sync=True)
    tag = traitlets.Unicode("", help="What stands beside every figure: real packets, simulated, …").tag(sync=True)
    why = traitlets.Unicode("", help="What the backend is, and why it is not a better one.").tag(sync=True)
    offers = traitlets.List(traitlets.Dict(), help="All backends: `name`, and why it cannot run here (`not`).").tag(sync=True)
    lanes = traitlets.List(traitlets.Dict(), help="From top to bottom: `lane`, `name`, `mark`.").tag(sync=True)
    impairment = traitlets.Dict(help="What the link does now, by the fields of `Impairment`.").tag(sync=True)
    rate = traitlets.Float(25.0, help="Tokens a second, of the next run.").tag(sync=True)
    tokens = traitlets.Int(0, help="Of a run.").tag(sync=True)
    seed = traitlets.Int(1, help="Of the link's chances.").tag(sync=True)
    state = traitlets.Enum(["idle", "starting", "running", "over"], "idle", help="Of the newest run.").tag(sync=True)
    number = traitlets.Int(0, help="Of the newest run.").tag(sync=True)
    error = traitlets.Unicode("", help="Why the last thing that was asked for was not done.").tag(sync=True)
    rows = traitlets.List(traitlets.Dict(), help="A lane's figures each, as of now.").tag(sync=True)
    provenance = traitlets.Unicode("", help="Where the figures come from.").tag(sync=True)
    prediction = traitlets.Unicode("", help="The lane that will stall most; `none`, `skipped`, or empty: not said yet.").tag(sync=True)
    verdict = traitlets.Unicode("", help="What the run showed of it, once it is over.").tag(sync=True)

    def __init__(self, backend: Backend, plan: Plan, page: bool = False) -> None:
        self._plan = plan
        self._client = PageClient(self._pass_on)
        self._experiment: Experiment | None = None
        self._measured: Measured | None = None
        self._going: Future[None] | None = None
        operations = {"start": self._on_start, "stop": self._on_stop, "change": self._on_change, "choose": self._on_choose}
        super().__init__(
            operations={**operations, **self._client.operations, "snapshot": self._on_snapshot, "predict": self._on_predict},
            impairment=asdict(plan.impairment),
            rate=plan.rate,
            tokens=plan.tokens,
            seed=plan.seed,
        )
        self._take(backend, page)
        portal().submit(self._offer())

    # ------------------------------------------------------------------ what a notebook does with it

    def start(self) -> NetworkLab:
        """Run it, from the beginning; returns at once. The next `wait` raises what it could not be begun for."""
        portal().run(self._start())
        return self

    def stop(self) -> NetworkLab:
        """End the run; returns when nothing of it is left in the system."""
        portal().run(self._stop())
        return self

    def wait(self, timeout: float | None = None) -> NetworkLab:
        """Return when the run is over. An interrupt stops it.

        Parameters
        ----------
        timeout : seconds.

        Raises
        ------
        Refused : the backend could not run it.
        TimeoutError : it runs on.
        """
        try:
            if self._going:
                wait(self._going, timeout)
        except KeyboardInterrupt:
            self.stop()
            raise
        return self

    def change(self, **impairment: Any) -> NetworkLab:
        """Impair the link otherwise, from now on and in runs to come.

        Parameters
        ----------
        impairment : fields of `Impairment`: loss, burst, delay_ms, jitter_ms, kbit_s, cut. Others stay as they are.

        Raises
        ------
        Refused : there is no such field, or a link cannot be so.
        """
        portal().run(self._change(impairment))
        return self

    def predict(self, lane: str) -> NetworkLab:
        """Say before a run which lane will stall most, by its name; or `none`, or `skipped`.

        Raises
        ------
        Refused : the lab has no such lane.
        """
        portal().run(self._on_predict({"prediction": lane}))
        return self

    @property
    def table(self) -> pandas.DataFrame:
        """The figures, a lane a row; each names its backend, congestion control, round trip, loss model, seed and drops.

        Raises
        ------
        TokenwidgetsError : pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise TokenwidgetsError("Tables need pandas: pip install 'tokenwidgets[data]'.") from None
        return pandas.DataFrame([{name: value for name, value in row.items() if name not in ("words", "bars", "at")} for row in self.rows])

    # ------------------------------------------------------------------ its backend and its plan

    def _take(self, backend: Backend, page: bool) -> None:
        """Go over to a backend, with the wished lanes that it can carry."""
        self._backend = self._client.backend if page else backend
        lanes = tuple(lane for lane in self._plan.lanes if lane in backend.lanes) or backend.lanes
        with self.hold_sync():
            self.page, self.backend, self.tag, self.why = page, backend.name, backends.TAGS[backend.name], backends.why(backend.name)
            self.lanes = [{"lane": lane, "name": NAMES[lane], "mark": TRANSPORTS[lane].mark} for lane in lanes]
            self.rows, self.provenance, self.verdict, self.state, self.error = [nothing(lane) for lane in lanes], "", "", "idle", ""
            self._experiment = self._measured = None

    async def _offer(self) -> None:
        """Try the others, for the page's choice of them: that takes its time."""
        self.offers = [{"name": name, "not": await asyncio.to_thread(backends.why_not, name)} for name in backends.NAMES]

    @property
    def _shown(self) -> tuple[Lane, ...]:
        return tuple(lane["lane"] for lane in self.lanes)

    # ------------------------------------------------------------------ its life, on the portal's loop

    async def _start(self) -> None:
        global _running
        if self.page and not self.shown:
            raise Refused("bad_request", "The page is to be the client, and no page shows this lab: display it, then start it.")
        while (other := _running) is not None:  # whoever waited for the same end may have begun meanwhile
            await other._stop()
            _running = None if _running is other else _running
        _running, self._measured = self, None
        impairment = Impairment(**self.impairment)
        plan = replace(self._plan, lanes=self._shown, rate=self.rate, tokens=self.tokens or TOKENS, impairment=impairment)
        self._experiment = experiment = Experiment(self._backend, plan, self.number + 1, self._pass_on, self._told)
        with self.hold_sync():
            self.state, self.number, self.error, self.verdict = "starting", self.number + 1, "", ""
            self.rows, self.provenance = [nothing(lane) for lane in self._shown], ""
        self._going = portal().submit(self._go(experiment))

    async def _go(self, experiment: Experiment) -> None:
        global _running
        try:
            await experiment.go()
        except Refused as e:
            self.error = e.message
            raise
        except Exception as e:
            self.error = f"This failed inside tokenwidgets ({type(e).__name__})."
            raise
        finally:
            _running = None if _running is self else _running
            await self._over(experiment)

    async def _over(self, experiment: Experiment) -> None:
        if experiment.running:
            await self._figures(experiment)
        self.state = "over"
        self._judge()
        self.refresh()

    async def _stop(self) -> None:
        if self._experiment and self._going and not self._going.done():
            await self._experiment.stop()
            await asyncio.gather(asyncio.wrap_future(self._going), return_exceptions=True)

    async def _change(self, changes: Mapping[str, Any]) -> None:
        changed = checked(replace(Impairment(**self.impairment), **_fields(changes)))
        if self._experiment and self.state == "running":
            self._experiment.change(changed)
        self.impairment = asdict(changed)
        self.error = ""

    async def _pass_on(self, content: Mapping[str, Any]) -> None:
        if self.shown:
            await self.messages.turn()
            self.send(dict(content))

    async def _told(self) -> None:
        if self.shown:
            await self.messages.turn()
        if self._experiment:
            if self.state == "starting" and (changed := Impairment(**self.impairment)) != self._experiment.plan.impairment:
                self._experiment.change(changed)
            await self._figures(self._experiment)
            self.state = "running"

    async def _figures(self, experiment: Experiment) -> None:
        self._measured = await experiment.measured()
        with self.hold_sync():
            self.rows, self.provenance = self._measured.readings, provenance(experiment.about)

    @traitlets.observe("prediction")
    def _judge(self, _: Any = None) -> None:
        if self.state == "over" and self._measured and self.prediction:
            self.verdict = verdict(self._measured.rows, self.prediction)

    # ------------------------------------------------------------------ what the page asks for

    async def _on_start(self, content: Mapping[str, Any]) -> Answer:
        if (rate := content.get("rate")) is not None:
            self.rate = _number("rate", rate)
        await self._start()
        return None

    async def _on_stop(self, _: Mapping[str, Any]) -> Answer:
        await self._stop()
        return None

    async def _on_change(self, content: Mapping[str, Any]) -> Answer:
        await self._change({name: value for name, value in content.items() if name not in ("op", "ask")})
        return None

    async def _on_choose(self, content: Mapping[str, Any]) -> Answer:
        backend = await asyncio.to_thread(_able, str(content.get("backend")))
        page = _paged(backend, content.get("page", False))
        await self._stop()
        self._take(backend, page)
        return None

    async def _on_predict(self, content: Mapping[str, Any]) -> Answer:
        said = content.get("prediction")
        if said not in (*self._shown, NONE, SKIPPED):
            raise Refused("bad_request", f"A prediction is one of {', '.join(self._shown)}, {NONE} or {SKIPPED}, not {said!r}.")
        self.prediction = said
        self.refresh()
        return None

    async def _on_snapshot(self, _: Mapping[str, Any]) -> Answer:
        return self._experiment.batch.snapshot() if self._experiment else {"run": 0, "n": 0, "now": 0, "given": [], "reached": []}

    async def _on_left(self, content: Mapping[str, Any]) -> Answer:
        """No page shows it any more: the cell was run again, or its output cleared."""
        await self._stop()
        return await super()._on_left(content)

    # ------------------------------------------------------------------ the widget

    def close(self) -> None:
        """End the run, and the widget."""
        portal().submit(self._stop())
        super().close()

    @property
    def finished(self) -> bool:
        """See `Widget.finished`."""
        return self.state in ("idle", "over")

    def refresh(self) -> None:
        """See `Widget.refresh`: a run that goes on has no static form yet."""
        if self.finished:
            super().refresh()

    def answers(self) -> Mapping[str, Any]:
        """See `Widget.answers`."""
        return {"snapshot": self._experiment.batch.snapshot()} if self._experiment else {}

    def static(self) -> Bundle:
        """See `Widget.static`."""
        return card.bundle(self.tag, self.rows, self.provenance, self.verdict)


_running: NetworkLab | None = None


def network_lab(
    backend: str | Backend | None = None,
    lanes: Sequence[Lane] = ("sse", "ws", "webrtc-ordered", "webrtc"),
    *,
    tokens: int = 500,
    rate: float = 25.0,
    seed: int = 1,
    page: bool = False,
    **impairment: Any,
) -> NetworkLab:
    """One stream over several transports at once, across a link that loses packets: see which way of delivery shrugs it off.

    Press Start, or call `start()`; move the sliders, or call `change(loss=0.1)`; cut the cable and mend it. What is measured is then in
    `rows` and `table`.

    Parameters
    ----------
    backend : how the link is impaired: `tun` (real packets, on Linux with the rights for it), `model` (simulated), `relay` (real WebRTC
        datagrams) or `recorded` (an earlier run of tun); or a `Backend` of your own. None: tun where it can run, else model.
    lanes : which transports, each once: sse, ws, webrtc-ordered, webrtc-unordered, webrtc (the loss-tolerant channel).
    tokens : of a run; 0: until it is stopped, 10,000 at most.
    rate : tokens a second.
    seed : of the link's chances.
    page : with `relay`: the page that shows the lab is the client on the far side, with the browser's own WebRTC; else a process is.
    impairment : what the link does, each direction alike: `loss` (0 to 1, by default 0.05), `burst` (packets lost in a row, on average),
        `delay_ms` one way (50), `jitter_ms`, `kbit_s`, `cut`.

    Raises
    ------
    Refused : there is no such backend, or it cannot run here; a lane or a number is none.
    """
    if not lanes or isinstance(lanes, str) or len(set(lanes)) < len(lanes) or not set(lanes) <= set(LANES):
        raise Refused("bad_request", f"'lanes' are one or more of {', '.join(LANES)}, each once.")
    if type(tokens) is not int or not 0 <= tokens <= TOKENS:
        raise Refused("bad_request", f"'tokens' is 0 (until it is stopped) to {TOKENS:,}, not {tokens!r}.")
    link = checked(replace(Impairment(loss=LOSS), **_fields(impairment)))
    chosen = _able(backend or backends.best()) if backend is None or isinstance(backend, str) else backend
    return NetworkLab(chosen, Plan(tuple(lanes), tokens, _number("rate", rate), link, seed), _paged(chosen, page))


def _able(name: str) -> Backend:
    """A backend that can run here."""
    if why := backends.why_not(name):
        raise Refused("bad_request", why)
    return backends.backend(name)


def _paged(backend: Backend, page: Any) -> bool:
    """Whether the page is the client of a backend."""
    if page not in (False, True):
        raise Refused("bad_request", "'page' is True or False.")
    if page and backend.name != "relay":
        raise Refused("bad_request", f"The page can be the client of the backend relay, not of {backend.name}.")
    return bool(page)


def _fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of an impairment, of the types they have."""
    return {name: _field(name, value) for name, value in given.items()}


def _field(name: str, value: Any) -> float | bool | None:
    if name == "cut" and not isinstance(value, bool):
        raise Refused("bad_request", "'cut' is True or False.")
    if name != "cut" and name not in _NUMBERS:
        raise Refused("bad_request", f"A link has no {name!r}: it has {', '.join(sorted(_NUMBERS))} and cut.")
    return value if name == "cut" or (name == "kbit_s" and value is None) else _number(name, value)


def _number(name: str, value: Any) -> float:
    if type(value) not in (int, float):
        raise Refused("bad_request", f"{name!r} is a number, not {value!r}.")
    return float(value)
