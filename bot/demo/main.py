"""Starts the demo, and stops it at Ctrl+C, at SIGTERM or when the last tab closes."""

import asyncio
import signal
import sqlite3
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.demo.server import Page
from bot.demo.stage import open_stage
from models.storage.database import Database

_APPLICATION_ID = 0x44454D4F  # "DEMO"; see https://www.sqlite.org/pragma.html#pragma_application_id
_GRACE_SECONDS = 5.0
"""Reloading a page closes its connection for a moment."""


class NotADemo(Exception):
    """The file isn't a demo's database."""


class PortTaken(Exception):
    """Something else listens on this address."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command's options."""

    host: str
    port: int
    """0 picks any free one."""
    open_browser: bool
    """Also stop when the last tab closes."""
    data: Path | None
    """Where to keep the database. None means a temporary file."""
    fresh: bool


async def play(options: Options, announce: Callable[[str], None]) -> None:
    """Run the demo until it's stopped. Calls `announce` with the page's address once it answers.

    Raises NotADemo, PortTaken.
    """
    with tempfile.TemporaryDirectory(prefix="coachbot-demo-") as folder:
        file = options.data or Path(folder) / "demo.db"
        _refuse_other_files(file)
        if options.fresh:
            _delete(file)
        db = Database(f"sqlite:///{file}")
        try:
            await db.upgrade()
            await asyncio.to_thread(_mark, file)
            async with open_stage(db) as stage:
                await _serve(Page(stage, options.host), options, announce)
        finally:
            await db.close()


def _refuse_other_files(file: Path) -> None:
    """Refuse a file that the demo didn't create, such as a real bot's database."""
    if not file.exists() or not file.stat().st_size:
        return
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (found,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError:
        found = None
    if found != _APPLICATION_ID:
        raise NotADemo(f"{file} wasn't created by the demo. Choose another file with --data")


def _mark(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")


def _delete(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)


async def _serve(page: Page, options: Options, announce: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(page.app(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, options.host, options.port).start()
        except OSError as error:
            raise PortTaken(str(error)) from None
        name = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{name}:{runner.addresses[0][1]}/"
        announce(address)
        if options.open_browser:
            # With a text browser this returns only when the browser is closed.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(_all_tabs_closed(page, stop))
                await stop.wait()
                watching.cancel()
        else:
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)  # let a second Ctrl+C end it at once
        await runner.cleanup()


async def _all_tabs_closed(page: Page, stop: asyncio.Event) -> None:
    """Set `stop` once the last tab has been closed."""
    while not stop.is_set():
        await page.all_closed.wait()
        page.all_closed.clear()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await page.any_open.wait()
        except TimeoutError:
            stop.set()
