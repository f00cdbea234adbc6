"""The operator's command line: `coachbot run`, `invite`, `process-sessions`."""

import asyncio
import base64
import binascii
import logging
import signal
import sys
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import discord
import typer
from alembic.util import CommandError
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from bot import config, log
from bot.app import CoachBot, discord_port
from bot.config import ConfigError, Settings
from bot.permissions import INVITE, SCOPES
from models.database import Database
from scheduler.clock import utc_now
from scheduler.loop import TickReport, tick

logger = logging.getLogger(__name__)

USAGE_ERROR = 2
FAILED = 1

app = typer.Typer(
    name="coachbot",
    help="A Discord bot through which an academy runs its coaching.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_out, _err = Console(), Console(stderr=True)

ConfigFile = Annotated[Path, typer.Option("--config", help="Settings; config.example.toml explains each key.")]

T = TypeVar("T")


class _Stop(Exception):
    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.code = code


@app.command()
def run(config_file: ConfigFile = config.CONFIG_FILE) -> None:
    """Run the bot until SIGINT or SIGTERM; the tick in progress ends first."""
    _finish(_run(_settings(config_file)))


@app.command()
def invite(config_file: ConfigFile = config.CONFIG_FILE) -> None:
    """Print the address that invites the bot, with exactly the permissions that it uses."""
    settings = _settings(config_file)
    client_id = settings.discord_client_id or _client_id_in(settings)
    if client_id is None:
        _die(
            "the bot's id is missing: set DISCORD_CLIENT_ID (the application id from the Developer Portal), "
            "or DISCORD_BOT_TOKEN, which contains it"
        )
    guild = discord.Object(settings.discord_guild_id) if settings.discord_guild_id else discord.utils.MISSING
    # print, not Rich: the address must survive a narrow terminal and a pipe in one piece.
    print(discord.utils.oauth_url(client_id, permissions=INVITE, guild=guild, scopes=SCOPES))  # noqa: T201


@app.command("process-sessions")
def process_sessions(config_file: ConfigFile = config.CONFIG_FILE) -> None:
    """Do once what the loop does: rooms, roles and messages that are due. Removes no rooms.

    Works beside a running bot and without one. Exit code 0: all done; 1: something failed and is going to be
    tried again, or Discord could not be reached; 2: the configuration is wrong.
    """
    report = _finish(_process_sessions(_settings(config_file)))
    if report is None:
        _out.print("The bot is doing this at this moment; nothing was left to do here.")
        return
    table = Table("session", "done", title="Processed", title_justify="left")
    for line in report.steps:
        table.add_row(*line.split(" ", 1))
    if report.steps:
        _out.print(table)
    _out.print(
        f"{len(report.steps)} steps, {report.roles} coach roles, {report.notices} messages, "
        f"{report.failure_count} failures."
    )
    for line in report.failures:
        _err.print(f"failed: {line}", markup=False)
    if report.failure_count:
        raise typer.Exit(FAILED)


async def _run(settings: Settings) -> None:
    token = settings.token()
    db = await _database(settings)
    bot = CoachBot(
        db,
        settings.guild_defaults,
        home_guild_id=settings.discord_guild_id,
        tick_interval=timedelta(seconds=settings.tick_seconds),
    )
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked_to_stop.set)
    try:
        async with bot:
            running = asyncio.create_task(bot.start(token))
            stopping = asyncio.create_task(asked_to_stop.wait())
            await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if asked_to_stop.is_set():
                await _stop(bot, running)
            else:
                await _connected(running)
    finally:
        await db.close()


async def _stop(bot: CoachBot, running: asyncio.Task[None]) -> None:
    """Let the tick in progress end, then leave, wherever connecting had got to."""
    logger.info("stopping")
    await bot.close()
    running.cancel()
    [outcome] = await asyncio.gather(running, return_exceptions=True)
    if isinstance(outcome, Exception):
        logger.warning("while stopping: %s", outcome)


async def _process_sessions(settings: Settings) -> TickReport | None:
    token = settings.token()
    db = await _database(settings)
    try:
        async with discord.Client(intents=discord.Intents.none()) as client:
            await _connected(client.login(token))
            return await tick(db, discord_port(client, gateway=False), utc_now)
    finally:
        await db.close()


async def _connected(connecting: Coroutine[Any, Any, None] | asyncio.Task[None]) -> None:
    try:
        await connecting
    except discord.Forbidden as error:
        raise _Stop(
            f"Discord refuses: {error.text}. If discord_guild_id is set, is the bot in that server? "
            "`coachbot invite` prints the address that brings it there",
            USAGE_ERROR,
        ) from None
    except discord.LoginFailure:
        raise _Stop(
            "Discord refuses the token: reset it in the Developer Portal (Bot → Reset Token) and set "
            "DISCORD_BOT_TOKEN anew",
            USAGE_ERROR,
        ) from None
    except (discord.HTTPException, discord.GatewayNotFound, OSError) as error:
        raise _Stop(f"Discord cannot be reached: {error}", FAILED) from None


async def _database(settings: Settings) -> Database:
    """The database, migrated."""
    try:
        db = Database(settings.database_url)
    except ModuleNotFoundError as error:
        raise _Stop(
            f"database_url needs the package {error.name}: pip install 'coachbot[postgres]'", USAGE_ERROR
        ) from None
    try:
        await db.upgrade()
    except CommandError as error:
        await db.close()
        raise _Stop(
            f"the database belongs to another version of this program ({error}): install that one, or restore "
            "a backup from before the upgrade",
            FAILED,
        ) from None
    except (OSError, DBAPIError) as error:
        await db.close()
        cause = error.orig if isinstance(error, DBAPIError) else error
        shown = db.url.render_as_string(hide_password=True)
        raise _Stop(f"the database {shown} cannot be opened: {cause}", FAILED) from None
    return db


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; what the operator can mend becomes one line and an exit code, without a traceback."""
    try:
        return asyncio.run(work)
    except ConfigError as error:
        _die(str(error))
    except _Stop as stop:
        _die(str(stop), stop.code)


def _settings(config_file: Path) -> Settings:
    try:
        settings = config.load(config_file)
    except ConfigError as error:
        _die(str(error))
    secrets = [one.get_secret_value().strip() for one in (settings.discord_bot_token, settings.cron_secret) if one]
    log.set_up(settings.log_level, [*secrets, make_url(settings.database_url).password or ""])
    return settings


def _client_id_in(settings: Settings) -> int | None:
    """A token begins with the bot's id in base64."""
    token = settings.discord_bot_token.get_secret_value() if settings.discord_bot_token else ""
    head = token.partition(".")[0]
    try:
        digits = base64.b64decode(head + "=" * (-len(head) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return int(digits) if digits.isdigit() else None


def _die(line: str, code: int = USAGE_ERROR) -> NoReturn:
    sys.stderr.write(f"coachbot: {line}\n")
    raise typer.Exit(code)


def main() -> None:
    """The entry point."""
    app()
