"""What `coachbot run` and `process-sessions` do, and what ends them with one line instead of a traceback."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import aiohttp
import discord
from sqlalchemy.exc import DBAPIError

from bot.app import CoachBot, discord_port
from bot.config import Settings
from bot.endings import FAILED, USAGE_ERROR, Stop, cause
from bot.refusals import PATIENCE
from models.database import Database, UnknownSchema
from scheduler import asking
from scheduler.clock import utc_now
from scheduler.loop import NotTicking
from scheduler.tick import TickReport, tick

log = logging.getLogger(__name__)

T = TypeVar("T")

_AUTHENTICATION_FAILED = 4004  # of the gateway's close codes: the token is wrong
_TOKEN_REFUSED = (
    "Discord refuses the token: reset it in the Developer Portal (Bot → Reset Token) and set "
    "DISCORD_BOT_TOKEN anew"
)
_SECOND = (
    "another coachbot runs on this database. Stop that one first (systemctl stop coachbot), or start this one "
    "with --wait, and it takes over when the other one ends"
)
_STAND_BY = timedelta(seconds=1)
"""How often a process that waits for its turn asks for it."""


async def run(settings: Settings, *, wait: bool = False) -> None:
    """Run the bot until SIGINT or SIGTERM. Of several on one database only one does; others give up or `wait`.

    Raises ConfigError, Stop.
    """
    token = settings.token()
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked_to_stop.set)
    async with _database(settings) as db:
        while not await _served(settings, token, db, asked_to_stop):
            if not wait:
                raise Stop(_SECOND, FAILED)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asked_to_stop.wait(), _STAND_BY.total_seconds())


async def _served(settings: Settings, token: str, db: Database, asked_to_stop: asyncio.Event) -> bool:
    """Run the bot to its end, unless another process does; whether there is nothing left to do."""
    async with contextlib.AsyncExitStack() as stack:
        ours = await _explained(db, stack.enter_async_context(db.run_lock()))
        if ours and not asked_to_stop.is_set():
            await _explained(
                db, db.upgrade()
            )  # only now: another one may have been running with the schema as it was
            await _serve(settings, token, db, asked_to_stop)
        return ours or asked_to_stop.is_set()


async def _serve(settings: Settings, token: str, db: Database, asked_to_stop: asyncio.Event) -> None:
    bot = CoachBot(
        db,
        settings.guild_defaults,
        home_guild_id=settings.discord_guild_id,
        tick_interval=timedelta(seconds=settings.tick_seconds),
    )
    async with bot, _web(settings, bot), _asked(bot):
        running = asyncio.create_task(bot.start(token))
        stopping = asyncio.create_task(asked_to_stop.wait())
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if asked_to_stop.is_set():
            await _stop(bot, running)
        else:
            await _connected(running)


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
async def _asked(bot: CoachBot) -> AsyncIterator[None]:
    """Answer the processes that have this one do what is due."""
    listening = asyncio.create_task(asking.listen(bot.db, bot.tick_asked_for, bot.clock, lambda: bot.is_online))
    try:
        yield
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _stop(bot: CoachBot, running: asyncio.Task[None]) -> None:
    """Let the tick in progress end, then leave, wherever connecting had got to. A second signal does not wait."""
    log.info("stopping")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)
    await bot.close()
    running.cancel()
    [outcome] = await asyncio.gather(running, return_exceptions=True)
    if isinstance(outcome, Exception):
        log.warning("while stopping: %s", outcome)


async def process_sessions(settings: Settings) -> TickReport | None:
    """One tick: by the bot that runs on this database, or, where none does, by REST.

    None if another process is at it. Raises ConfigError, Stop.
    """
    token = settings.token()
    async with _database(settings) as db:
        if await _explained(db, db.is_run()):
            return await _explained(db, _by_the_running_bot(db))
        await _explained(db, db.upgrade())
        patience = PATIENCE.total_seconds()
        async with discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=patience) as client:
            await _connected(client.login(token))
            return await tick(db, discord_port(client, gateway=False), utc_now)


async def _by_the_running_bot(db: Database) -> TickReport | None:
    if not await db.is_current():  # and it is not for this process to migrate what another one uses
        raise Stop("the bot that runs on this database is of another version: restart it", FAILED)
    try:
        return await asking.ask(db, utc_now)
    except asking.Unheard:
        raise Stop(
            "a bot runs on this database but does not answer; it may still be connecting. Its log and "
            "`coachbot doctor` say more",
            FAILED,
        ) from None
    except asking.Gone:
        raise Stop("the bot ended before it said what it did. Call this again", FAILED) from None
    except NotTicking:
        raise Stop(
            "the running bot did no tick: it starts or stops, or its log says what failed", FAILED
        ) from None


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
    except (OSError, DBAPIError) as error:
        shown = db.url.render_as_string(hide_password=True)
        raise Stop(f"the database {shown} cannot be opened: {cause(error)}", FAILED) from None
