"""Workers of a Dask cluster, be it of this machine or a real one: who they are, how their clocks stand, and rounds given to them.

What a worker makes is an ordinary comparison of one round in its own process, so its connections stay open from round to round. Keys are
read there, from its own environment; none is ever sent.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Self

from .clocks import TRIPS, Clock, RoundTrip
from .environment import environment
from .errors import Refused
from .measurement import Measurement
from .trials import STOPPED, Arm, Budget, Trial
from .workloads import Workload

WORKERS = 64
"""The most workers of one comparison."""

CONNECT_SECONDS = 10.0
"""Longest wait for a cluster's scheduler."""


# ------------------------------------------------------------------ there


@dataclass(frozen=True, slots=True)
class Task:
    """A round for a worker.

    Parameters
    ----------
    comparison : a name of the comparison it belongs to.
    arms, by, workload, seed : as of `Measurement`.
    order : of the calls, as round and arm.
    dollars : the most that it may cost, where there is such a bound.
    """

    comparison: str
    arms: Sequence[Arm]
    by: str
    workload: Workload
    seed: int
    order: Sequence[tuple[int, int]]
    dollars: float | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What a worker gives back.

    Parameters
    ----------
    began : µs by the worker's clock; the trials' `at` counts from it.
    trials : as many as were made.
    why : there are no more.
    """

    began: float
    trials: Sequence[Trial]
    why: str


_running: dict[str, Measurement] = {}
"""What runs in a worker, by the name of the comparison."""

_halted: deque[str] = deque(maxlen=2 * WORKERS)
"""Comparisons that were stopped: a round of theirs may still be on its way to a worker."""


def make(task: Task) -> Made:
    """Make a round, in a worker."""
    found = Measurement(task.arms, (), task.by, Budget(1, dollars=task.dollars), task.seed, workload=task.workload)
    found.order = list(task.order)
    began = now()
    _running[task.comparison] = found
    try:
        if task.comparison in _halted:
            return Made(began, (), STOPPED)
        found.begin(show=False).wait()
    finally:
        del _running[task.comparison]
    return Made(began, found.trials, found.why)


def halt(comparison: str) -> None:
    """Stop what runs in a worker, or comes to it later; returns at once."""
    _halted.append(comparison)
    if found := _running.get(comparison):
        threading.Thread(target=found.stop, daemon=True).start()


def now() -> float:
    """The clock of whoever is asked, µs."""
    return time.time_ns() / 1000


def _hello(dask_worker: Any) -> tuple[str, Mapping[str, str]]:
    """A worker's given name, and what runs there."""
    return str(dask_worker.name), environment()


# ------------------------------------------------------------------ here


@dataclass(slots=True)
class Worker:
    """One of them, as it is known here.

    Parameters
    ----------
    address : within the cluster; it is shown nowhere.
    label : its given name, or what stands for its address.
    environment : what runs there.
    clock : its clock.
    """

    address: str
    label: str
    environment: Mapping[str, str]
    clock: Clock


class Workers:
    """The workers of a cluster.

    Parameters
    ----------
    given : a `distributed.Client`, the address of a scheduler, or how many processes of this machine to start.

    Raises
    ------
    Refused : there is no such cluster, it has no workers or too many, or tokenwidgets is missing on one of them.
    """

    def __init__(self, given: Any) -> None:
        self._closing = ExitStack()
        try:
            self._client = self._closing.enter_context(_client(given))
            self.all = self._found()
            self.look_at_clocks()
        except BaseException:
            self._closing.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _found(self) -> list[Worker]:
        told: Mapping[str, Any] = self._client.run(_hello, on_error="return")
        if not 0 < len(told) <= WORKERS:
            raise Refused("bad_request", f"A comparison is spread over 1 to {WORKERS} workers; this cluster has {len(told)}.")
        for answer in told.values():
            if isinstance(answer, BaseException):
                raise Refused("bad_request", f"A worker cannot measure ({type(answer).__name__}): is this tokenwidgets installed there?")
        found = [Worker(address, _label(address, name), there, Clock()) for address, (name, there) in told.items()]
        return sorted(found, key=lambda worker: (len(worker.label), worker.label))

    def look_at_clocks(self) -> None:
        """Compare the clock of each worker that is there with ours, by round trips."""
        there = self.there()
        for worker in [worker for worker in self.all if worker.address in there]:
            for _ in range(TRIPS):
                asked = now()
                told = self._client.run(now, workers=[worker.address], on_error="ignore")
                if worker.address in told:
                    worker.clock.take(RoundTrip(asked, told[worker.address], now()))

    def submit(self, worker: Worker, task: Task) -> Future[Made]:
        """Give a worker a round; it runs there and nowhere else."""
        return self._client.submit(make, task, workers=[worker.address], allow_other_workers=False, pure=False)  # type: ignore[no-any-return]

    def there(self) -> set[str]:
        """The addresses of the workers that are there now."""
        return set(self._client.nthreads())

    def halt(self, comparison: str) -> None:
        """Stop what they make for a comparison."""
        self._client.run(halt, comparison, on_error="ignore")


def _label(address: str, name: str) -> str:
    if name == address:
        return f"worker {hashlib.sha256(address.encode()).hexdigest()[:6]}"
    return f"worker {name}" if name.isdecimal() else name


def _client(given: Any) -> AbstractContextManager[Any]:
    """A client of the cluster, which is closed at the end where it was opened here."""
    try:
        from distributed import Client
    except ImportError:
        raise Refused("bad_request", "Workers are those of a Dask cluster: pip install 'tokenwidgets[dask]'.") from None
    if isinstance(given, Client) and not given.asynchronous:
        return nullcontext(given)
    if isinstance(given, str):
        return _connected(given)
    if type(given) is int and 0 < given <= WORKERS:
        return _local(given)
    raise Refused("bad_request", f"'workers' is a distributed.Client that is not asynchronous, a scheduler's address, or 1 to {WORKERS}.")


def _connected(address: str) -> AbstractContextManager[Any]:
    from distributed import Client

    try:
        return closing(Client(address, timeout=CONNECT_SECONDS, set_as_default=False))
    except (OSError, ValueError) as e:
        raise Refused("connection", f"There is no Dask scheduler at {address!r} ({type(e).__name__}).") from None


@contextmanager
def _local(count: int) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with _deaf():
        cluster = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None)
    with cluster, closing(Client(cluster, set_as_default=False)) as client:
        yield client


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started meanwhile takes no notice of the terminal's interrupt, which is for us alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
