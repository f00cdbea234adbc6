"""The operator's command line: `coachbot run`, `demo`, `doctor`, `invite`, `backup`, `restore`, ….

Each command imports what it needs by itself: a wrong setting is told, and an address printed, without the bot.
"""

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from bot import config, log
from bot.config import ConfigError, Settings
from bot.endings import FAILED, USAGE_ERROR, Stop, cause
from bot.loading import loading

if TYPE_CHECKING:
    from models.backup import Progress

app = typer.Typer(
    name="coachbot",
    help="A Discord bot through which an academy runs its coaching.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ConfigFile = Annotated[Path, typer.Option("--config", help="Settings; config.example.toml explains each key.")]

T = TypeVar("T")


@app.command()
def run(
    config_file: ConfigFile = config.CONFIG_FILE,
    wait: Annotated[
        bool, typer.Option("--wait", help="If another one runs on this database, take over when it ends.")
    ] = False,
) -> None:
    """Run the bot until SIGINT or SIGTERM; the tick in progress ends first."""
    settings = _settings(config_file)
    with loading():
        from bot import running

    _finish(running.run(settings, wait=wait))


@app.command()
def invite(config_file: ConfigFile = config.CONFIG_FILE) -> None:
    """Print the address that invites the bot, with exactly the permissions that it uses."""
    settings = _settings(config_file)
    token = settings.discord_bot_token or ""
    client_id = settings.discord_client_id or config.bot_id_in(token)
    if client_id is None:
        _die(
            "the bot's id is missing: set DISCORD_CLIENT_ID (the application id from the Developer Portal), "
            "or DISCORD_BOT_TOKEN, which contains it"
        )
    import discord

    from bot.permissions import invitation

    guild = discord.Object(settings.discord_guild_id) if settings.discord_guild_id else None
    # Not by Rich: the address must survive a narrow terminal and a pipe in one piece.
    sys.stdout.write(invitation(client_id, guild) + "\n")


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
        typer.echo(f"The academy is open: {typer.style(address, bold=True)}")
        typer.echo("Ctrl+C ends it." if no_open else "Closing the tab or Ctrl+C ends it.")

    options = Options(host=host, port=port, open_browser=not no_open, data=data, fresh=fresh)
    try:
        asyncio.run(play(options, announce))
    except NotADemo as refusal:
        _die(str(refusal))
    except PortTaken as taken:
        _die(f"the page cannot be served there: {taken}. Choose another port with --port, or --port 0", FAILED)
    except (OSError, DBAPIError) as error:
        _die(f"{data or 'the database'} cannot be opened: {cause(error)}", FAILED)


@app.command()
def doctor(
    config_file: ConfigFile = config.CONFIG_FILE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Check token, clock, servers, permissions, database and disk, and say what to do. Changes nothing.

    Exit code 0: no errors; 1: at least one; 2: the configuration cannot be read.
    """
    from bot.doctor import report

    try:
        settings = config.load(config_file)
    except ConfigError as unreadable:
        report.tell([report.unreadable(unreadable)], as_json=as_json)
        raise typer.Exit(USAGE_ERROR) from None
    _set_up_log(settings, "WARNING")
    checks = asyncio.run(report.examine(settings))
    report.tell(checks, as_json=as_json)
    if not report.is_sound(checks):
        raise typer.Exit(FAILED)


@app.command("process-sessions")
def process_sessions(config_file: ConfigFile = config.CONFIG_FILE) -> None:
    """Do once what the loop does: rooms, roles and messages that are due.

    Where a bot runs on this database, it is asked to and this says what it did. Where none does, this does it
    itself, and removes no rooms. Exit code 0: all done; 1: something failed and is going to be tried again, or
    Discord or the running bot did not answer; 2: the configuration is wrong.
    """
    settings = _settings(config_file)
    with loading():
        from bot import running

    report = _finish(running.process_sessions(settings))
    if report is None:
        typer.echo("The bot is doing this at this moment; nothing was left to do here.")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("session", "done", title="Processed", title_justify="left")
    for line in report.steps:
        table.add_row(*line.split(" ", 1))
    if report.steps:
        Console().print(table)
    by = " by the running bot" if report.trigger == "request" else ""
    typer.echo(
        f"{len(report.steps)} steps, {report.roles} coach roles, {report.notices} messages, "
        f"{report.failure_count} failures{by}."
    )
    for line in report.failures:
        sys.stderr.write(f"failed: {line}\n")  # not by Rich, which would wrap it into several lines of a log
    if report.failure_count:
        raise typer.Exit(FAILED)


@app.command("backup")
def back_up(
    file: Annotated[Path, typer.Argument(help="The copy; it must not exist yet.")],
    config_file: ConfigFile = config.CONFIG_FILE,
) -> None:
    """Copy the SQLite database to FILE, also while the bot runs, and check the copy."""
    from models import backup
    from models.backup import BadCopy

    source = _sqlite_file(_settings(config_file), "pg_dump --format=custom --file={file} {url}", file)
    try:
        with _progress("Copying") as progress:
            backup.back_up(source, file, progress)
    except (OSError, sqlite3.Error, BadCopy) as error:
        _die(str(error), FAILED)
    typer.echo(f"{file}: copied and checked.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A copy that `coachbot backup` made.")],
    config_file: ConfigFile = config.CONFIG_FILE,
) -> None:
    """Put FILE in the place of the SQLite database. Refuses while the bot runs; the old one is kept beside it."""
    from scheduler.clock import utc_now

    settings = _settings(config_file)
    database = _sqlite_file(settings, "pg_restore --clean --if-exists --dbname={url} {file}", file)
    kept = database.with_name(f"{database.name}.before-{utc_now():%Y%m%d-%H%M%S}")
    _finish(_restore(settings, file, database, kept))
    typer.echo(f"{database}: restored from {file}. What was there before is {kept}.")


async def _restore(settings: Settings, file: Path, database: Path, kept: Path) -> None:
    from models import backup
    from models.backup import BadCopy
    from models.database import Database

    db = Database(settings.database_url)
    try:
        async with db.run_lock() as ours, db.tick_lock() as idle:
            if not (ours and idle):
                raise Stop("the bot runs on this database; stop it first (systemctl stop coachbot)", FAILED)
            with _progress("Restoring") as progress:
                backup.restore(file, database, kept, progress)
    except (OSError, sqlite3.Error, BadCopy) as error:
        raise Stop(str(error), FAILED) from None
    finally:
        await db.close()


def _sqlite_file(settings: Settings, otherwise: str, file: Path) -> Path:
    """Where the SQLite database is; for PostgreSQL the program ends with the command that does the same."""
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        shown = url.set(drivername="postgresql").render_as_string(hide_password=True)
        _die(f"PostgreSQL has tools of its own for this: {otherwise.format(file=file, url=shown)}")
    return Path(url.database or "")


@contextlib.contextmanager
def _progress(what: str) -> Iterator["Progress"]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stdout.isatty():
        yield lambda _done, _total: None
        return
    from rich import progress

    with progress.Progress(transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; what the operator can mend becomes one line and an exit code, without a traceback."""
    try:
        return asyncio.run(work)
    except ConfigError as error:
        _die(str(error))
    except Stop as stop:
        _die(str(stop), stop.code)


def _settings(config_file: Path) -> Settings:
    try:
        settings = config.load(config_file)
    except ConfigError as error:
        _die(str(error))
    _set_up_log(settings, settings.log_level)
    return settings


def _set_up_log(settings: Settings, level: str) -> None:
    secrets = [one.strip() for one in (settings.discord_bot_token, settings.cron_secret) if one]
    log.set_up(level, [*secrets, make_url(settings.database_url).password or ""])


def _die(line: str, code: int = USAGE_ERROR) -> NoReturn:
    sys.stderr.write(f"coachbot: {line}\n")
    raise typer.Exit(code)
