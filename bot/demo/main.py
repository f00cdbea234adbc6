"""Starts the demo and ends it: by Ctrl+C, by SIGTERM, or when the last tab is closed."""

import asyncio
import signal
import tempfile
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.demo.server import Page
from bot.demo.stage import open_stage
from models.database import Database

_GRACE_SECONDS = 5.0
"""A page that is loaded again is gone for a moment."""


class PortTaken(Exception):
    """Something else listens on that address."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the demo was asked to run."""

    host: str
    port: int
    """0 takes any that is free."""
    open_browser: bool
    """Also: end when the last tab is closed."""
    data: Path | None
    """A database file to keep; without one everything is gone at the end."""
    fresh: bool


async def play(options: Options, announce: Callable[[str], None]) -> None:
    """Run until somebody ends it; `announce` gets the page's address once it answers.

    Raises PortTaken.
    """
    with tempfile.TemporaryDirectory(prefix="coachbot-demo-") as folder:
        file = options.data or Path(folder) / "demo.db"
        if options.fresh:
            _forget(file)
        db = Database(f"sqlite:///{file}")
        try:
            await db.upgrade()
            async with open_stage(db) as stage:
                await _serve(Page(stage, options.host), options, announce)
        finally:
            await db.close()


def _forget(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)


async def _serve(page: Page, options: Options, announce: Callable[[str], None]) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    runner = web.AppRunner(page.app(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, options.host, options.port).start()
        except OSError as error:
            raise PortTaken(str(error)) from None
        address = f"http://{options.host}:{runner.addresses[0][1]}/"
        announce(address)
        if options.open_browser:
            await asyncio.to_thread(webbrowser.open, address)
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(_all_tabs_closed(page, over))
                await over.wait()
                watching.cancel()
        else:
            await over.wait()
    finally:
        await runner.cleanup()


async def _all_tabs_closed(page: Page, over: asyncio.Event) -> None:
    """Set `over` once there was a tab and there is none any more."""
    while not over.is_set():
        await page.left.wait()
        page.left.clear()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await page.came.wait()
        except TimeoutError:
            over.set()
