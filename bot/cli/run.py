"""What `coachbot run` and `process-sessions` do, and what ends them with one line instead of a traceback."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Coroutine
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

import aiohttp
import discord
from sqlalchemy.exc import SQLAlchemyError

from bot.app import CoachBot, discord_port
from bot.cli.exit import FAILED, USAGE_ERROR, Stop, cause, end_within
from bot.config import Settings
from bot.discord_api.errors import PATIENCE
from models.storage.database import Database, UnknownSchema
from scheduler.core.clock import utc_now
from scheduler.loop.background import BackgroundWork, CutShort
from scheduler.loop.tick import TickReport, tick
from scheduler.reports.health import last_tick_at, longest_silence

log = logging.getLogger(__name__)

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AUTHENTICATION_FAILED = 4004  # of the gateway's close codes: the token is wrong
_TOKEN_REFUSED = (
    "Discord refuses the token: reset it in the Developer Portal (Bot → Reset Token) and set "
    "DISCORD_BOT_TOKEN anew"
)
_SECOND = (
    "another coachbot runs on this database. Stop that one first (systemctl stop coachbot), or start this one "
    "with --wait, and it takes over when the other one ends"
)
_TAKEN_OVER = (
    "the database connection was lost for a while, and another coachbot has taken over. Start this one with "
    "--wait to have it wait for its turn"
)
_TO_STOP = timedelta(seconds=28)
"""From the signal to the end of the process, at the most."""
_STAND_BY = timedelta(seconds=1)
"""How often a process that waits for its turn asks for it."""


class _End(Enum):
    """Why the bot does not run, or not any more."""

    DONE = "asked to stop, or Discord said so"
    SECOND = "another process runs it"
    TAKEN_OVER = "another process has come to run it"


class _NoDatabase(Stop):
    """It cannot be opened, or not at this moment."""


async def run(settings: Settings, *, wait: bool = False) -> None:
    """Run the bot until SIGINT or SIGTERM. Of several on one database only one does; others give up or `wait`.

    Raises ConfigError, Stop.
    """
    token = settings.token()
    asked_to_stop = asyncio.Event()

    def stop() -> None:
        asked_to_stop.set()
        end_within(_TO_STOP)

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop)
    async with _database(settings) as db:
        end = await _served(settings, token, db, asked_to_stop)
        if end is _End.DONE:
            return
        if not wait:
            raise Stop(_SECOND if end is _End.SECOND else _TAKEN_OVER, FAILED)
        await _stand_by(settings, token, db, asked_to_stop)


async def _stand_by(settings: Settings, token: str, db: Database, asked_to_stop: asyncio.Event) -> None:
    """Take over when the other one ends, as often as that happens. A database that is away is asked again."""
    away = False
    while not asked_to_stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked_to_stop.wait(), _STAND_BY.total_seconds())
        try:
            if await _served(settings, token, db, asked_to_stop) is _End.DONE:
                return
            away = False
        except _NoDatabase as failure:
            if not away:
                log.warning("%s; trying again", failure)
            away = True


async def _served(settings: Settings, token: str, db: Database, asked_to_stop: asyncio.Event) -> _End:
    """Run the bot to its end, unless another process does."""
    async with contextlib.AsyncExitStack() as stack:
        ours = await _explained(db, stack.enter_async_context(db.run_lock()))
        if ours and not asked_to_stop.is_set():
            await _explained(
                db, db.upgrade()
            )  # only now: another one may have been running with the schema as it was
            return await _serve(settings, token, db, asked_to_stop)
        return _End.DONE if asked_to_stop.is_set() else _End.SECOND


async def _serve(settings: Settings, token: str, db: Database, asked_to_stop: asyncio.Event) -> _End:
    bot = CoachBot(
        db,
        settings.guild_defaults,
        home_guild_id=settings.discord_guild_id,
        tick_interval=timedelta(seconds=settings.tick_seconds),
    )
    async with bot, _web(settings, bot), _beside(db.keep_run_lock()) as kept:
        running = asyncio.create_task(bot.start(token))
        async with _beside(asked_to_stop.wait()) as stopping:
            await asyncio.wait((running, stopping, kept), return_when=asyncio.FIRST_COMPLETED)
        if asked_to_stop.is_set():
            for number in _SIGNALS:  # a second one does not wait
                asyncio.get_running_loop().remove_signal_handler(number)
            await _leave(bot, running)
        elif kept.done():
            kept.result()
            await _leave(bot, running)
            return _End.TAKEN_OVER
        else:
            await _connected(running)
        return _End.DONE


@contextlib.asynccontextmanager
async def _web(settings: Settings, bot: CoachBot) -> AsyncIterator[None]:
    """The web endpoint, if a port is configured for it."""
    if settings.web_port is None:
        yield
        return
    from bot import web  # what it needs is loaded only when it is on

    secret = settings.cron_secret or ""
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(web.serving(bot, settings.web_host, settings.web_port, secret))
        except (OSError, UnicodeError) as error:
            where = f"{settings.web_host}, port {settings.web_port}"
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise Stop(
                f"the web endpoint cannot be served on {where}: {why}. Change WEB_HOST or WEB_PORT", FAILED
            ) from None
        yield


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Something that goes on for as long as the block does."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _leave(bot: CoachBot, running: asyncio.Task[None]) -> None:
    """Let the tick in progress end, then leave, wherever connecting had got to."""
    log.info("stopping")
    await bot.close()
    running.cancel()
    [outcome] = await asyncio.gather(running, return_exceptions=True)
    if isinstance(outcome, Exception):
        log.warning("while stopping: %s", outcome)


async def process_sessions(settings: Settings) -> TickReport | datetime | None:
    """Do what is due, once and by REST, unless a bot runs on this database: that one does it by itself.

    Returns when the running bot last looked (UTC), or what was done; None if another process is at it. Raises
    ConfigError, Stop, the latter also if the running bot has not looked for too long.
    """
    token = settings.token()
    async with _database(settings) as db:
        if await _explained(db, db.is_run()):
            return await _explained(db, _last_look(db, timedelta(seconds=settings.tick_seconds)))
        await _explained(db, db.upgrade())
        patience = PATIENCE.total_seconds()
        async with discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=patience) as client:
            await _connected(client.login(token))
            background = BackgroundWork(wait_for_slow=True)
            return await _explained(db, tick(db, discord_port(client, gateway=False), utc_now, background))


async def _last_look(db: Database, interval: timedelta) -> datetime:
    """When the bot that runs on this database last looked for what is due. Raises Stop unless that was lately."""
    if not await db.is_current():  # and it is not for this process to migrate what another one uses
        raise Stop("the bot that runs on this database is of another version: restart it", FAILED)
    async with db.read() as session:
        at = await last_tick_at(session)
    if at is not None and utc_now() - at < longest_silence(interval):
        return at
    last = f"last looked for due work at {at:%Y-%m-%d %H:%M:%S} UTC" if at else "hasn't looked for due work yet"
    raise Stop(
        f"a bot is running on this database, but {last}. Unless it has only just started, check its log "
        "(journalctl -u coachbot), then restart it (systemctl restart coachbot)",
        FAILED,
    )


async def _connected(connecting: Coroutine[Any, Any, None] | asyncio.Task[None]) -> None:
    try:
        await connecting
    except discord.Forbidden as error:
        raise Stop(
            f"Discord refuses: {error.text}. If discord_guild_id is set, is the bot in that server? "
            "`coachbot invite` prints the address that brings it there",
            USAGE_ERROR,
        ) from None
    except discord.LoginFailure:
        raise Stop(_TOKEN_REFUSED, USAGE_ERROR) from None
    except discord.ConnectionClosed as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise Stop(_TOKEN_REFUSED, USAGE_ERROR) from None
        raise Stop(f"Discord closed the connection: code {error.code} {error.reason}", FAILED) from None
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise Stop(f"Discord cannot be reached: {error}", FAILED) from None


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    """The database, not migrated yet."""
    try:
        db = Database(settings.database_url)
    except ModuleNotFoundError as error:
        raise Stop(
            f"database_url needs the package {error.name}: pip install 'coachbot[postgres]'", USAGE_ERROR
        ) from None
    try:
        yield db
    finally:
        await db.close()


async def _explained(db: Database, work: Awaitable[T]) -> T:
    """The outcome of what needs the database; what is wrong with that ends the program with one line."""
    try:
        return await work
    except UnknownSchema as error:
        raise Stop(
            f"the database belongs to another version of this program ({error}): install that one, or restore "
            "a backup from before the upgrade",
            FAILED,
        ) from None
    except CutShort as error:
        raise Stop(f"{error}; run it again", FAILED) from None
    except (OSError, SQLAlchemyError) as error:
        shown = db.url.render_as_string(hide_password=True)
        raise _NoDatabase(f"the database {shown} cannot be opened: {cause(error)}", FAILED) from None
