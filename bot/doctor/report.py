"""Runs all checks and prints the report."""

import dataclasses
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bot.config import ConfigError, Settings
from bot.doctor import connection, extras, payments, running, storage
from bot.doctor.checks import Check, Level, error, ok
from bot.doctor.storage import FreeBytes
from scheduler.core.clock import Clock, utc_now

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


async def run_checks(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    free_bytes: FreeBytes = _free_bytes,
    stripe_base: str | None = None,
) -> list[Check]:
    """Run every check that's possible. Changes nothing in the database, at Discord or at Stripe."""
    stored = await storage.check_database(settings.database_url, clock, free_bytes)
    at = await connection.check_discord(settings, stored.servers, clock)
    web = await running.check_web_endpoint(settings)
    cards = await payments.check_payments(settings.stripe_secret_key, stored.currencies, clock(), base=stripe_base)
    return [ok("configuration", "readable"), *at, *stored.checks, extras.check_charts(), *web, *cards]


def unreadable_configuration(failure: ConfigError) -> Check:
    """Report a configuration that can't be read. No other check is possible then."""
    return error("configuration", str(failure), "config.example.toml explains each key")


def has_no_errors(checks: Sequence[Check]) -> bool:
    """Whether no check found an error."""
    return all(check.level is not Level.ERROR for check in checks)


def print_report(checks: Sequence[Check], *, as_json: bool) -> None:
    """Print a table on a terminal, one line per check elsewhere, or one JSON object."""
    if as_json:
        click.echo(
            json.dumps({"ok": has_no_errors(checks), "checks": [dataclasses.asdict(one) for one in checks]})
        )
    elif sys.stdout.isatty():
        _print_table(checks)
    else:
        for check in checks:
            todo = f". To do: {check.advice}" if check.advice else ""
            click.echo(f"{check.level:<8} {check.name}: {check.found}{todo}")


def _print_table(checks: Sequence[Check]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("Status", "Check", "Result", box=SIMPLE_HEAD)
    for check in checks:
        result = Text(check.found)  # a plain string would be parsed for markup
        if check.advice:
            result.append(f"\nTo do: {check.advice}", "bold")
        table.add_row(Text(check.level, _COLOURS[check.level]), Text(check.name), result)
    Console().print(table)
