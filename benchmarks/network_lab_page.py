"""The client of the network lab as Chromium: a page a lane, inside the client's network. `network_lab.py --page` starts it.

python benchmarks/network_lab_page.py FD    see `tokenwidgets/lab/client.py`
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tokenwidgets.lab.base import Ended, Lane, Shown  # noqa: E402
from tokenwidgets.lab.control import Control  # noqa: E402
from tokenwidgets.lab.ends import Tasks, bring  # noqa: E402
from tokenwidgets.lab.namespace import CLIENT, SERVER  # noqa: E402

ESBUILD = HERE.parent / "js" / "node_modules" / ".bin" / "esbuild"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
TRIPS = 100


def bundle() -> str:
    """The page's script."""
    command = [str(ESBUILD), str(HERE / "network_lab_page.js"), "--bundle", "--format=iife", "--log-level=error"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Pages:
    """A page a lane.

    Parameters
    ----------
    control : to the lab.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._began = 0
        self._tasks = Tasks()

    async def run(self) -> None:
        """Until the lab is gone."""
        async for message in self._control.messages():
            match message:
                case {"read": dict(body)}:
                    self._tasks.begin(self._open(body))
                case {"began": int(began)}:
                    self._began = began

    async def _open(self, body: Mapping[str, Any]) -> None:
        from playwright.async_api import async_playwright

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
            script = bundle()
            await asyncio.gather(*(self._lane(browser, script, lane, body) for lane in body["lanes"]))
            await asyncio.Event().wait()

    async def _lane(self, browser: Any, script: str, lane: Lane, body: Mapping[str, Any]) -> None:
        """Open a lane's page, signed in, and let it read."""
        origin = f"http://{SERVER}:{body['ports'][lane]}"
        context = await browser.new_context()
        page = await context.new_page()
        page.on("console", lambda message: print(lane, message.text, file=sys.stderr))
        page.on("pageerror", lambda error: print(lane, error, file=sys.stderr))
        await page.goto(f"{origin}/?token={body['token']}")
        shift = await aligned(page)
        await page.expose_function("__told", lambda told: self._told(lane, shift, told))
        await page.add_script_tag(content=script)
        await page.evaluate("([lane, stream]) => window.__read(lane, stream)", [lane, body["stream"]])

    async def _told(self, lane: Lane, shift: float, told: Mapping[str, Any]) -> None:
        match told:
            case {"peer": list(ports)}:
                await self._control.tell(peer=ports, lane=lane)
            case {"seen": list(seen)}:
                if seen[0][0] == 0:
                    await self._control.tell(attached=lane)
                await self._control.report([Shown(lane, seq, self._at(ms, shift)) for seq, kind, ms in seen if kind == "text"])
            case {"ended": ms, "status": status}:
                await self._control.report([Ended(lane, self._at(ms, shift), "" if status == "ended" else f"the page's reader: {status}")])

    def _at(self, ms: float, shift: float) -> int:
        return round(ms * 1000 + shift) - self._began


async def aligned(page: Any) -> float:
    """What is added to µs of the page's clock for those of the machine's, by the quickest of some questions."""
    best = (float("inf"), 0.0)
    for _ in range(TRIPS):
        asked = time.monotonic_ns() / 1000
        there = 1000 * await page.evaluate("performance.now()")
        answered = time.monotonic_ns() / 1000
        best = min(best, (answered - asked, (asked + answered) / 2 - there))
    return best[1]


async def main() -> None:
    await Pages(Control.own()).run()
    os._exit(0)


if __name__ == "__main__":
    bring(int(sys.argv[1]), CLIENT, SERVER)
    asyncio.run(main())
