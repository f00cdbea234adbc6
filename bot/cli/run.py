"""Runs the bot, or one round of background checks, and turns their failures into one line."""

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
from bot.causes import cause
from bot.cli import refund as refunding
from bot.cli.exit import FAILED, USAGE_ERROR, Stop, end_within
from bot.config import Settings
from bot.discord_api.errors import CALL_TIMEOUT
from models.storage.database import Database, UnknownSchema
from scheduler.core.clock import utc_now
from scheduler.loop.background import BackgroundWork, CutShort
from scheduler.loop.tick import TickReport, tick
from scheduler.payments.ports import Stripe
from scheduler.reports.health import last_tick_at, longest_silence

log = logging.getLogger(__name__)

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AUTHENTICATION_FAILED = 4004  # gateway close code: the token is wrong
_TOKEN_REFUSED = (
    "Discord rejected the token. Reset it in the Developer Portal (Bot → Reset Token) and set "
    "DISCORD_BOT_TOKEN to the new one"
)
_ALREADY_RUNNING = (
    "another coachbot is running on this database. Stop that one first (systemctl stop coachbot), or start "
    "this one with --wait to take over when it ends"
)
_TAKEN_OVER = (
    "the database connection was lost for a while, and another coachbot took over. Start this one with "
    "--wait to have it wait for its turn"
)
_STOP_TIMEOUT = timedelta(seconds=28)
"""The longest time from the signal to the end of the process."""
_RETRY_EVERY = timedelta(seconds=1)
"""How often a waiting process tries to take over."""


class _End(Enum):
    """Why the bot stopped, or didn't start."""

    DONE = "asked to stop, or Discord said so"
    ALREADY_RUNNING = "another process is running"
    TAKEN_OVER = "another process took over"


class _DatabaseUnavailable(Stop):
    """The database can't be opened right now."""


async def run(settings: Settings, *, wait: bool = False) -> None:
    """Run the bot until SIGINT or SIGTERM. Only one process runs per database; others give up or `wait`.

    Raises ConfigError, Stop.
    """
    token = settings.token()
    asked_to_stop = asyncio.Event()

    def stop() -> None:
        asked_to_stop.set()
        end_within(_STOP_TIMEOUT)

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop)
    async with _database(settings) as db:
        end = await _run_unless_running(settings, token, db, asked_to_stop)
        if end is _End.DONE:
            return
        if not wait:
            raise Stop(_ALREADY_RUNNING if end is _End.ALREADY_RUNNING else _TAKEN_OVER, FAILED)
        await _stand_by(settings, token, db, asked_to_stop)


async def _stand_by(settings: Settings, token: str, db: Database, asked_to_stop: asyncio.Event) -> None:
    """Take over whenever the other process ends. Keeps trying while the database is unreachable."""
    away = False
    while not asked_to_stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked_to_stop.wait(), _RETRY_EVERY.total_seconds())
        try:
            if await _run_unless_running(settings, token, db, asked_to_stop) is _End.DONE:
                return
            away = False
        except _DatabaseUnavailable as failure:
            if not away:
                log.warning("%s; trying again", failure)
            away = True


async def _run_unless_running(settings: Settings, token: str, db: Database, asked_to_stop: asyncio.Event) -> _End:
    """Run the bot until it ends, unless another process is running."""
    async with contextlib.AsyncExitStack() as stack:
        ours = await _or_stop(db, stack.enter_async_context(db.locks.run_lock()))
        if ours and not asked_to_stop.is_set():
            # Not earlier: until now another process may have been using the old schema.
            await _or_stop(db, db.upgrade())
            return await _serve(settings, token, db, asked_to_stop)
        return _End.DONE if asked_to_stop.is_set() else _End.ALREADY_RUNNING


async def _serve(settings: Settings, token: str, db: Database, asked_to_stop: asyncio.Event) -> _End:
    async with (
        _stripe(settings) as stripe,
        CoachBot(
            db,
            settings.guild_defaults,
            home_guild_id=settings.discord_guild_id,
            tick_interval=timedelta(seconds=settings.tick_seconds),
            stripe=stripe,
        ) as bot,
        _web(settings, bot),
        _in_background(db.locks.keep_run_lock()) as kept,
    ):
        running = asyncio.create_task(bot.start(token))
        async with _in_background(asked_to_stop.wait()) as stopping:
            await asyncio.wait((running, stopping, kept), return_when=asyncio.FIRST_COMPLETED)
        if asked_to_stop.is_set():
            for number in _SIGNALS:  # a second signal ends the process at once
                asyncio.get_running_loop().remove_signal_handler(number)
            await _shut_down(bot, running)
        elif kept.done():
            kept.result()
            await _shut_down(bot, running)
            return _End.TAKEN_OVER
        else:
            await _connect(running)
        return _End.DONE


@contextlib.asynccontextmanager
async def _stripe(settings: Settings) -> AsyncIterator[Stripe | None]:
    """Yield Stripe if a key is set, and close its connections at the end. Raises Stop without the extra."""
    if not settings.stripe_secret_key:
        yield None
        return
    from bot.stripe_api.client import StripeApi, is_installed  # only with a key

    if not is_installed():
        raise Stop("STRIPE_SECRET_KEY needs the extra `payments`: pip install 'coachbot[payments]'", USAGE_ERROR)
    stripe = StripeApi(settings.stripe_secret_key)
    if not stripe.livemode:
        log.warning("payments are in test mode: no money moves")
    async with contextlib.aclosing(stripe):
        yield stripe


@contextlib.asynccontextmanager
async def _web(settings: Settings, bot: CoachBot) -> AsyncIterator[None]:
    """Serve the web endpoint if a port is set."""
    if settings.web_port is None:
        yield
        return
    from bot import web  # loads its libraries only when it's on

    secret, hook = settings.cron_secret or "", settings.stripe_webhook_secret or ""
    async with contextlib.AsyncExitStack() as stack:
        try:
            at = settings.web_host, settings.web_port
            await stack.enter_async_context(web.serve(bot, *at, secret, webhook_secret=hook))
        except (OSError, UnicodeError) as error:
            where = f"{settings.web_host}, port {settings.web_port}"
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise Stop(
                f"can't serve the web endpoint on {where}: {why}. Change WEB_HOST or WEB_PORT", FAILED
            ) from None
        yield


@contextlib.asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Run `work` in a task for the length of the block."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _shut_down(bot: CoachBot, running: asyncio.Task[None]) -> None:
    """Finish the tick in progress, then disconnect, even if the bot is still connecting."""
    log.info("stopping")
    await bot.close()
    running.cancel()
    [outcome] = await asyncio.gather(running, return_exceptions=True)
    if isinstance(outcome, Exception):
        log.warning("while stopping: %s", outcome)


async def process_sessions(settings: Settings) -> TickReport | datetime | None:
    """Run one tick over REST, unless a bot is running on this database.

    Returns its report, or when the running bot last ticked (UTC), or None if another process is ticking right now.
    Raises ConfigError, and Stop also if the running bot hasn't ticked for too long.
    """
    token = settings.token()
    async with _database(settings) as db:
        if await _or_stop(db, db.locks.is_bot_running()):
            return await _or_stop(db, _check_running_bot(db, timedelta(seconds=settings.tick_seconds)))
        await _or_stop(db, db.upgrade())
        patience = CALL_TIMEOUT.total_seconds()
        async with discord.Client(intents=discord.Intents(guilds=True), max_ratelimit_timeout=patience) as client:
            await _connect(client.login(token))
            background, port = BackgroundWork(wait_for_slow=True), discord_port(client, gateway=False)
            async with _stripe(settings) as stripe:
                return await _or_stop(db, tick(db, port, utc_now, background, stripe=stripe))


async def refund(settings: Settings, code: str) -> str:
    """Pay back a payment, whether or not a bot runs on this database. Returns what to say. Raises Stop."""
    async with _database(settings) as db, _stripe(settings) as stripe:
        if stripe is None:
            raise Stop("there's no key for payments: set STRIPE_SECRET_KEY", USAGE_ERROR)
        if not await _or_stop(db, db.is_current()):
            raise Stop(
                "this isn't the bot's database, or not of this version: run this in the bot's folder, after this "
                "version of the bot has run once",
                FAILED,
            )
        return await _or_stop(db, refunding.refund(db, stripe, code, utc_now))


async def _check_running_bot(db: Database, interval: timedelta) -> datetime:
    """Return when the running bot last ticked (UTC). Raises Stop if that was too long ago."""
    if not await db.is_current():  # another process uses this database, so don't migrate it here
        raise Stop("the bot running on this database is another version; restart it", FAILED)
    async with db.read() as session:
        at = await last_tick_at(session)
    if at is not None and utc_now() - at < longest_silence(interval):
        return at
    last = (
        f"last ran its background checks at {at:%Y-%m-%d %H:%M:%S} UTC"
        if at
        else "hasn't run its background checks yet"
    )
    raise Stop(
        f"a bot is running on this database, but {last}. Unless it has only just started, check its log "
        "(journalctl -u coachbot), then restart it (systemctl restart coachbot)",
        FAILED,
    )


async def _connect(connecting: Coroutine[Any, Any, None] | asyncio.Task[None]) -> None:
    try:
        await connecting
    except discord.Forbidden as error:
        raise Stop(
            f"Discord refused: {error.text}. If discord_guild_id is set, is the bot in that server? "
            "`coachbot invite` prints the link to add it",
            USAGE_ERROR,
        ) from None
    except discord.LoginFailure:
        raise Stop(_TOKEN_REFUSED, USAGE_ERROR) from None
    except discord.ConnectionClosed as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise Stop(_TOKEN_REFUSED, USAGE_ERROR) from None
        raise Stop(f"Discord closed the connection: code {error.code} {error.reason}", FAILED) from None
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise Stop(f"can't reach Discord: {error}", FAILED) from None


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    """Connect to the database without migrating it."""
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


async def _or_stop(db: Database, work: Awaitable[T]) -> T:
    """Await `work`. Turn database errors into Stop with one line."""
    try:
        return await work
    except UnknownSchema as error:
        raise Stop(
            f"the database belongs to another version of coachbot ({error}): install that one, or restore "
            "a backup from before the upgrade",
            FAILED,
        ) from None
    except CutShort as error:
        raise Stop(f"{error}; run it again", FAILED) from None
    except (OSError, SQLAlchemyError) as error:
        shown = db.url.render_as_string(hide_password=True)
        raise _DatabaseUnavailable(f"can't open the database {shown}: {cause(error)}", FAILED) from None
