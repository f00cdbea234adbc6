"""Starts the demo, and stops it at Ctrl+C, at SIGTERM or when the last tab closes.

The page opens at once. The bot loads and the academy's story plays while the browser shows that it's starting.
"""

import asyncio
import logging
import signal
import sqlite3
import tempfile
import threading
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

from bot import log
from bot.demo.front import Front
from bot.loading import fast_imports

_APPLICATION_ID = 0x44454D4F  # "DEMO"; see https://www.sqlite.org/pragma.html#pragma_application_id
_GRACE_SECONDS = 5.0
"""Reloading a page closes its connection for a moment."""
_LATE_PACKAGES = ("simcord", "linkify_it", "markdown_it", "regex", "stripe")
_SLOW_MODULES = (
    "sqlalchemy.ext.asyncio",
    "discord",
    "discord.ext.commands",
    "simcord",
    "bot.app",
    "bot.demo.server",
)


class NotADemo(Exception):
    """The file isn't a demo's database."""


class PortTaken(Exception):
    """Something else listens on this address."""


class Unusable(Exception):
    """The database can't be opened."""


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

    Raises NotADemo, PortTaken, Unusable.
    """
    with tempfile.TemporaryDirectory(prefix="coachbot-demo-") as folder:
        file = options.data or Path(folder) / "demo.db"
        _refuse_other_files(file)
        if options.fresh:
            _delete(file)
        async with _until_stopped() as stop, _served(options) as (front, address):
            announce(address)
            playing, stopping = asyncio.create_task(_play(front, file, stop)), asyncio.create_task(stop.wait())
            watching = asyncio.create_task(_all_tabs_closed(front, stop)) if options.open_browser else None
            if options.open_browser:
                # With a text browser this returns only when the browser is closed.
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            await asyncio.wait([playing, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not front.is_open and not playing.done():
                logging.disable()  # or everything that's interrupted would log it
                playing.cancel()
            for helper in (stopping, watching):
                if helper is not None:
                    helper.cancel()
            with suppress(asyncio.CancelledError):
                await playing


async def _play(front: Front, file: Path, stop: asyncio.Event) -> None:
    """Load the bot, open the academy and let the page use it until it's stopped."""
    with fast_imports():
        for name in _SLOW_MODULES:  # one by one, so that stopping needn't wait for all of them
            await asyncio.to_thread(import_module, name)
    log.set_up("WARNING")  # only now: simcord tries out a client of discord.py, which warns, while it loads
    from sqlalchemy.exc import DBAPIError

    from bot.causes import cause
    from bot.demo.one_thread import in_one_thread
    from bot.demo.server import page_of
    from bot.demo.stage import open_stage
    from models.storage.database import Database

    db = in_one_thread(Database(f"sqlite:///{file}"))
    try:
        await db.upgrade()
        await asyncio.to_thread(_mark, file)
        async with open_stage(db) as stage, page_of(stage) as page:
            front.open(page)
            await stop.wait()
    except (OSError, DBAPIError) as error:
        raise Unusable(cause(error)) from error
    finally:
        await db.close()


def missing_package() -> str | None:
    """Return a package of the extra that isn't installed."""
    return next((name for name in _LATE_PACKAGES if find_spec(name) is None), None)


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


@asynccontextmanager
async def _until_stopped() -> AsyncIterator[asyncio.Event]:
    """Yield what's set by Ctrl+C and SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)  # let a second Ctrl+C end it at once


@asynccontextmanager
async def _served(options: Options) -> AsyncIterator[tuple[Front, str]]:
    """Serve the page and yield it with its address."""
    front = Front(options.host)
    runner = web.AppRunner(front.app(), access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, options.host, options.port).start()
        except OSError as error:
            raise PortTaken(str(error)) from None
        name = f"[{options.host}]" if ":" in options.host else options.host
        yield front, f"http://{name}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def _all_tabs_closed(front: Front, stop: asyncio.Event) -> None:
    """Set `stop` once the last tab has been closed."""
    while not stop.is_set():
        await front.all_closed.wait()
        front.all_closed.clear()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await front.any_open.wait()
        except TimeoutError:
            stop.set()
