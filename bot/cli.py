"""The operator's command line: `coachbot run`, `demo`, `invite`, `process-sessions`."""

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

import aiohttp
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

_AUTHENTICATION_FAILED = 4004  # of the gateway's close codes: the token is wrong
_TOKEN_REFUSED = (
    "Discord refuses the token: reset it in the Developer Portal (Bot → Reset Token) and set "
    "DISCORD_BOT_TOKEN anew"
)

USAGE_ERROR = 2
FAILED = 1

app = typer.Typer(
    name="coachbot",
    help="A Discord bot through which an academy runs its coaching.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_out = Console()

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
    # Not by Rich: the address must survive a narrow terminal and a pipe in one piece.
    sys.stdout.write(discord.utils.oauth_url(client_id, permissions=INVITE, guild=guild, scopes=SCOPES) + "\n")


@app.command()
def demo(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes any that is free.", min=0, max=65535)] = 8765,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Open no browser, and go on when the last tab is closed.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="Keep the database in this file, and go on from it next time.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="With --data: begin anew.")] = False,
) -> None:
    """Show an academy in the browser: the real bot, a virtual Discord, no account, no token, no network."""
    try:
        from bot.demo.main import NotADemo, Options, PortTaken, play  # the extra is needed only for this
    except ModuleNotFoundError as error:
        _die(f"the demo needs the package {error.name}: pip install 'coachbot[demo]'")
    log.set_up("WARNING")

    def announce(address: str) -> None:
        _out.print(f"The academy is open: [bold]{address}[/bold]")
        _out.print("Ctrl+C ends it." if no_open else "Closing the tab or Ctrl+C ends it.")

    options = Options(host=host, port=port, open_browser=not no_open, data=data, fresh=fresh)
    try:
        asyncio.run(play(options, announce))
    except NotADemo as refusal:
        _die(str(refusal))
    except PortTaken as taken:
        _die(f"the page cannot be served there: {taken}. Choose another port with --port, or --port 0", FAILED)
    except (OSError, DBAPIError) as error:
        _die(f"{data or 'the database'} cannot be opened: {_cause(error)}", FAILED)


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
        sys.stderr.write(f"failed: {line}\n")  # not by Rich, which would wrap it into several lines of a log
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
    """Let the tick in progress end, then leave, wherever connecting had got to. A second signal does not wait."""
    logger.info("stopping")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)
    await bot.close()
    running.cancel()
    [outcome] = await asyncio.gather(running, return_exceptions=True)
    if isinstance(outcome, Exception):
        logger.warning("while stopping: %s", outcome)


async def _process_sessions(settings: Settings) -> TickReport | None:
    token = settings.token()
    db = await _database(settings)
    try:
        async with discord.Client(intents=discord.Intents(guilds=True)) as client:
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
        raise _Stop(_TOKEN_REFUSED, USAGE_ERROR) from None
    except discord.ConnectionClosed as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise _Stop(_TOKEN_REFUSED, USAGE_ERROR) from None
        raise _Stop(f"Discord closed the connection: code {error.code} {error.reason}", FAILED) from None
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
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
        shown = db.url.render_as_string(hide_password=True)
        raise _Stop(f"the database {shown} cannot be opened: {_cause(error)}", FAILED) from None
    return db


def _cause(error: OSError | DBAPIError) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


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
