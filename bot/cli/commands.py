"""The commands of `coachbot`: `run`, `demo`, `doctor`, `invite`, `backup`, `restore`, `refund` and
`process-sessions`.

Each command imports what it needs itself, so that a wrong setting is reported without loading the whole bot.
"""

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import Coroutine, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from bot import log
from bot.cli.exit import FAILED, USAGE_ERROR, Stop
from bot.loading import fast_imports

if TYPE_CHECKING:
    from bot.config import Settings
    from models.storage.backup import Progress

_FILE = click.Path(path_type=Path)
_configured = click.option(
    "--config",
    "config_file",
    type=_FILE,
    default="config.toml",
    show_default=True,
    help="The settings file. config.example.toml explains every key.",
)

T = TypeVar("T")

_SECRET_PARAMETERS = ("password", "sslpassword")
"""Query parameters of a PostgreSQL URL."""


@click.group(name="coachbot")
def app() -> None:
    """Run coaching sessions on a Discord server."""


@app.command()
@_configured
@click.option(
    "--wait", is_flag=True, help="If another bot is running on this database, wait and take over when it ends."
)
def run(config_file: Path, *, wait: bool) -> None:
    """Run the bot until Ctrl+C or SIGTERM. Work in progress is finished first."""
    settings = _settings(config_file)
    with fast_imports():
        from bot.cli import run as program

    _run_to_end(program.run(settings, wait=wait))


@app.command()
@_configured
def invite(config_file: Path) -> None:
    """Print the link that invites the bot with exactly the permissions it uses."""
    from bot import config

    settings = _settings(config_file)
    token = settings.discord_bot_token or ""
    client_id = settings.discord_client_id or config.bot_id_in(token)
    if client_id is None:
        _fail(
            "the bot's id is missing: set DISCORD_CLIENT_ID (the application id from the Developer Portal), "
            "or DISCORD_BOT_TOKEN, which contains it"
        )
    import discord

    from bot.discord_api.permissions import invite_link

    guild = discord.Object(settings.discord_guild_id) if settings.discord_guild_id else None
    # Rich would wrap the link in a narrow terminal or a pipe.
    sys.stdout.write(invite_link(client_id, guild) + "\n")


@app.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port to listen on. 0 picks any free one.",
)
@click.option(
    "--no-open", is_flag=True, help="Don't open a browser, and keep running when the last tab is closed."
)
@click.option("--data", type=_FILE, help="Keep the database in this file and continue from it next time.")
@click.option("--fresh", is_flag=True, help="With --data: start over.")
def demo(host: str, port: int, data: Path | None, *, no_open: bool, fresh: bool) -> None:
    """Try the bot in your browser, on a simulated Discord. You need no account, token or network."""
    click.echo("Starting the demo…")
    try:
        from bot.demo import main as program  # only the demo needs the extra
    except ModuleNotFoundError as error:
        _fail_without(error.name)
    if missing := program.missing_package():
        _fail_without(missing)

    def announce(address: str) -> None:
        click.echo(f"The demo is running at {click.style(address, bold=True)}")
        click.echo("Press Ctrl+C to stop." if no_open else "Close the tab or press Ctrl+C to stop.")

    options = program.Options(host=host, port=port, open_browser=not no_open, data=data, fresh=fresh)
    try:
        asyncio.run(program.play(options, announce))
    except program.NotADemo as refusal:
        _fail(str(refusal))
    except program.PortTaken as taken:
        _fail(
            f"can't serve the page: {taken}. Choose another port with --port, or use --port 0 for any free one",
            FAILED,
        )
    except program.Unusable as unusable:
        _fail(f"can't open {data or 'the database'}: {unusable}", FAILED)
    click.echo("The demo has stopped.")


def _fail_without(package: str | None) -> NoReturn:
    _fail(f"the demo needs the package {package}: pip install 'coachbot[demo]'")


@app.command()
@_configured
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def doctor(config_file: Path, *, as_json: bool) -> None:
    """Check everything the bot needs and say what to fix.

    Checks the token, clock, servers, permissions, database and disk. Changes nothing.

    Exit code 0: no errors; 1: at least one error; 2: the configuration can't be read.
    """
    from bot import config
    from bot.doctor import report

    try:
        settings = config.load(config_file)
    except config.ConfigError as unreadable:
        report.print_report([report.unreadable_configuration(unreadable)], as_json=as_json)
        sys.exit(USAGE_ERROR)
    _set_up_log(settings, "WARNING")
    checks = asyncio.run(report.run_checks(settings))
    report.print_report(checks, as_json=as_json)
    if not report.has_no_errors(checks):
        sys.exit(FAILED)


@app.command()
@click.argument("code")
@_configured
def refund(code: str, config_file: Path) -> None:
    """Pay back in full what somebody paid by card.

    CODE is the payment's. Admins use /coaching payments instead, unless the bot was removed from their server.
    """
    settings = _settings(config_file)
    with fast_imports():
        from bot.cli import run as program

    click.echo(_run_to_end(program.refund(settings, code)))


@app.command("process-sessions")
@_configured
def process_sessions(config_file: Path) -> None:
    """Run the background checks once, if no bot is running. Doesn't remove rooms.

    A running bot does this by itself. The command then only says when it last did, and how to trigger it.

    Exit code 0: done, or a running bot takes care of it; 1: something failed and will be retried, Discord can't be
    reached, or the running bot hasn't checked for too long; 2: the configuration is wrong.
    """
    settings = _settings(config_file)
    with fast_imports():
        from bot.cli import run as program

    report = _run_to_end(program.process_sessions(settings))
    if report is None:
        click.echo("Another process is doing this right now, so there's nothing left to do here.")
        return
    if isinstance(report, datetime):
        _describe_running_bot(report, settings.tick_seconds)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("session", "done", title="Processed", title_justify="left")
    for line in report.steps:
        table.add_row(*line.split(" ", 1))
    if report.steps:
        Console().print(table)
    click.echo(
        f"{len(report.steps)} steps, {report.roles} coach roles, {report.notifications} messages, "
        f"{report.failure_count} failures."
    )
    for line in report.failures:
        line = line.replace("**", "")  # Discord's bold type
        sys.stderr.write(f"failed: {line}\n")  # Rich would wrap it into several log lines
    if report.failure_count:
        sys.exit(FAILED)


def _describe_running_bot(looked_at: datetime, every_seconds: int) -> None:
    from bot.web import CRON
    from scheduler.core.clock import utc_now

    ago = max(0, round((utc_now() - looked_at).total_seconds()))  # the bot's machine may have another clock
    click.echo(
        f"A bot is running on this database. It runs its background checks every {every_seconds} seconds, most "
        f"recently {ago} seconds ago ({looked_at:%H:%M:%S} UTC).\n"
        f"To run them right now, use /coaching run in Discord, or call {CRON} on its web endpoint with "
        "CRON_SECRET."
    )


@app.command("backup")
@click.argument("file", type=_FILE)
@_configured
def back_up(file: Path, config_file: Path) -> None:
    """Copy the SQLite database to FILE and check the copy.

    You can do this while the bot is running. FILE must not exist yet.
    """
    from models.storage import backup
    from models.storage.backup import InvalidBackup

    source = _sqlite_file(_settings(config_file), "pg_dump --format=custom --file={file} {url}", file)
    try:
        with _progress("Copying") as progress:
            backup.back_up(source, file, progress)
    except (OSError, sqlite3.Error, InvalidBackup) as error:
        _fail(str(error), FAILED)
    click.echo(f"{file}: copied and checked.")


@app.command()
@click.argument("file", type=_FILE)
@_configured
def restore(file: Path, config_file: Path) -> None:
    """Replace the SQLite database with FILE.

    FILE is a copy made by `coachbot backup`. Stop the bot first. The old database is kept next to the new one.
    """
    from scheduler.core.clock import utc_now

    settings = _settings(config_file)
    database = _sqlite_file(settings, "pg_restore --clean --if-exists --dbname={url} {file}", file)
    kept = database.with_name(f"{database.name}.before-{utc_now():%Y%m%d-%H%M%S}")
    _run_to_end(_restore(settings, file, database, kept))
    click.echo(f"{database}: restored from {file}. The old database is kept as {kept}.")


async def _restore(settings: "Settings", file: Path, database: Path, kept: Path) -> None:
    from models.storage import backup
    from models.storage.backup import InUse, InvalidBackup
    from models.storage.database import Database

    db = Database(settings.database_url)
    try:
        async with db.locks.run_lock() as ours, db.locks.tick_lock() as idle:
            if not (ours and idle):
                raise Stop("the bot is running on this database; stop it first (systemctl stop coachbot)", FAILED)
            with _progress("Restoring") as progress:
                backup.restore(file, database, kept, progress)
    except (OSError, sqlite3.Error, InvalidBackup, InUse) as error:
        raise Stop(str(error), FAILED) from None
    finally:
        await db.close()


def _sqlite_file(settings: "Settings", otherwise: str, file: Path) -> Path:
    """Return the path of the SQLite file. With PostgreSQL, exit and print the command to use instead."""

    from sqlalchemy.engine import make_url

    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        plain = url.set(drivername="postgresql").difference_update_query(_SECRET_PARAMETERS)
        shown = plain.render_as_string(hide_password=True)
        _fail(f"PostgreSQL has its own tools for this: {otherwise.format(file=file, url=shown)}")
    from models.storage.database import sqlite_file

    return sqlite_file(url)


@contextlib.contextmanager
def _progress(what: str) -> Iterator["Progress"]:
    """Show a progress bar, on a terminal only."""
    if not sys.stdout.isatty():
        yield lambda _done, _total: None
        return
    from rich import progress

    with progress.Progress(transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. Turn errors the operator can fix into one line and an exit code, without a traceback."""
    from bot.config import ConfigError

    try:
        return asyncio.run(work)
    except ConfigError as error:
        _fail(str(error))
    except Stop as stop:
        _fail(str(stop), stop.code)


def _settings(config_file: Path) -> "Settings":
    with fast_imports():
        from bot import config

    try:
        settings = config.load(config_file)
    except config.ConfigError as error:
        _fail(str(error))
    _set_up_log(settings, settings.log_level)
    return settings


def _set_up_log(settings: "Settings", level: str) -> None:

    from sqlalchemy.engine import make_url

    given = (
        settings.discord_bot_token,
        settings.cron_secret,
        settings.stripe_secret_key,
        settings.stripe_webhook_secret,
    )
    secrets = [one.strip() for one in given if one]
    url = make_url(settings.database_url)
    in_query = [one for name in _SECRET_PARAMETERS for one in url.normalized_query.get(name, ())]
    log.set_up(level, [*secrets, *in_query, url.password or ""])


def _fail(line: str, code: int = USAGE_ERROR) -> NoReturn:
    sys.stderr.write(f"coachbot: {line}\n")
    sys.exit(code)
