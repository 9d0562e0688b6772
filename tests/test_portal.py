"""The portal: a thread for all I/O that a notebook's cells, interrupts and forks do not reach."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future

import pytest

from tokenwidgets.portal import Portal, portal, wait


@pytest.fixture
def made():
    this = Portal()
    yield this
    this.loop.call_soon_threadsafe(this.loop.stop)
    this._thread.join(5)
    this.loop.close()


async def answer(value):
    await asyncio.sleep(0)
    return value


def test_work_runs_there_and_its_result_comes_back(made):
    assert made.run(answer(5), timeout=5) == 5
    where = made.run(on_thread(), timeout=5)
    assert where == "tokenwidgets-portal"
    assert where != threading.current_thread().name


async def on_thread():
    return threading.current_thread().name


async def test_it_works_while_the_callers_own_loop_is_blocked(made):
    assert made.run(answer("x"), timeout=5) == "x"


def test_an_exception_comes_back_as_itself(made):
    async def fails():
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        made.run(fails(), timeout=5)


def test_a_timeout_of_the_work_is_not_taken_for_the_waits_own(made):
    async def times_out():
        raise TimeoutError("the work's")

    with pytest.raises(TimeoutError, match="the work's"):
        made.run(times_out())


def test_a_wait_that_is_too_long_ends_and_the_work_goes_on(made):
    done = threading.Event()

    async def slow():
        await asyncio.sleep(0.3)
        done.set()

    with pytest.raises(TimeoutError):
        made.run(slow(), timeout=0.1)
    assert done.wait(5)


def test_a_result_that_comes_in_the_very_moment_a_step_is_over_is_not_lost():
    class JustNow(Future):
        def result(self, timeout=None):
            if not self.done():
                self.set_result("here")
                raise TimeoutError
            return super().result(timeout)

    assert wait(JustNow()) == "here"


def test_many_threads_hand_work_over_at_once(made):
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(made.run(answer(n), timeout=10))) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(found) == list(range(30))


def test_an_interrupt_ends_the_wait_at_once_and_the_work_goes_on(made):
    done = threading.Event()

    async def work():
        while not done.is_set():
            await asyncio.sleep(0.01)

    future = made.submit(work())

    def interrupted():
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
        wait(future, 10)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not future.done()
    done.set()
    future.result(5)


def test_there_is_one_for_the_process():
    assert portal() is portal()


def test_a_forked_child_gets_its_own():
    code = """
import asyncio, os, sys
from tokenwidgets.portal import portal
async def pid(): return os.getpid()
assert portal().run(pid(), 5) == os.getpid()
child = os.fork()
if child == 0:
    os._exit(0 if portal().run(pid(), 5) == os.getpid() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=30, check=False).returncode == 0
