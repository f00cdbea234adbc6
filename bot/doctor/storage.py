"""Whether the database is readable, intact, migrated, and has room to grow."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.causes import cause
from bot.doctor import running
from bot.doctor.checks import CHECK_TIMEOUT, Check, Level, error, ok, warning
from models import Coach, Guild, Member, Package
from models.storage import inspection, schema_version
from models.storage.database import Database
from models.storage.inspection import Heartbeats, Schema
from scheduler.core.clock import Clock
from scheduler.parsing.lists import all_of
from scheduler.time.time_zones import is_known

FreeBytes = Callable[[Path], int]
"""Returns the free bytes on a folder's disk."""

_LITTLE, _TOO_LITTLE = 500_000_000, 50_000_000
_LISTED = 5
_SUFFIXES = ("", "-wal", "-shm", ".run", ".tick")
"""Suffixes of a SQLite database's files."""


@dataclass(slots=True)
class Stored:
    """The results, and the servers' settings if they can be read."""

    checks: list[Check] = field(default_factory=list)
    servers: dict[int, Guild] | None = None
    currencies: set[str] = field(default_factory=set)
    """What servers, coaches and packages charge in."""


async def check_database(url: str, clock: Clock, free_bytes: FreeBytes) -> Stored:
    """Check the database and its disk, as the current user."""
    try:
        db = Database(url)
    except ModuleNotFoundError as missing:
        found = f"database_url needs the package {missing.name}, which isn't installed"
        return Stored([error("database", found, "pip install 'coachbot[postgres]'")])
    stored = Stored()
    try:
        if db.file is not None:
            stored.checks += _file(db.file, free_bytes)
            if not os.access(db.file, os.F_OK):
                return stored
        await _inside(db, stored, clock())
    finally:
        await db.close()
    return stored


def _file(path: Path, free_bytes: FreeBytes) -> list[Check]:
    folder = path.parent
    if not os.access(folder, os.F_OK):
        advice = "create the folder, or set DATABASE_URL to where the database is"
        return [error("file", f"the database's folder {folder} doesn't exist", advice)]
    there = [file for beside in _SUFFIXES if (file := path.with_name(path.name + beside)).exists()]
    locked = [str(file) for file in there if not _may(file, os.R_OK | os.W_OK)]
    if not _may(folder, os.R_OK | os.W_OK | os.X_OK):
        locked.append(f"the folder {folder}")
    if locked:
        advice = "run this as the bot's user; if you already do, fix these files with chown and chmod"
        file = error("file", f"this user can't read and write {all_of(locked)}", advice)
    elif path not in there:
        advice = (
            "if the bot has run before, this is the wrong folder or DATABASE_URL; otherwise start it "
            "with `coachbot run`"
        )
        file = warning("file", f"{path} doesn't exist yet; `coachbot run` creates it", advice)
    else:
        file = ok("file", f"{path} is readable and writable")
    return [file, _disk(free_bytes(folder))]


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _disk(free: int) -> Check:
    found = f"{free // 1_000_000} MB free on the database's disk"
    if free >= _LITTLE:
        return ok("disk", found)
    advice = "free up space; a full disk stops every booking"
    return error("disk", found, advice) if free < _TOO_LITTLE else warning("disk", found, advice)


async def _inside(db: Database, stored: Stored, now: datetime) -> None:
    shown = db.url.set(drivername=db.url.get_backend_name()).render_as_string(hide_password=True)
    try:
        # A local file always answers, but reading all of a large one takes a while.
        async with asyncio.timeout(None if db.is_sqlite else CHECK_TIMEOUT.total_seconds()):
            found, last = await inspection.inspect_database(db, lambda session: _check_contents(session, shown))
            found.checks.append(running.check_heartbeats(await db.locks.is_bot_running(), last, now))
    except (OSError, SQLAlchemyError) as failure:
        if any(check.name == "file" and check.level is Level.ERROR for check in stored.checks):
            return  # already reported above
        advice = "check DATABASE_URL, that the database server is running, and that this user has access"
        stored.checks.append(error("database", f"can't open {shown}: {cause(failure)}", advice))
    else:
        stored.checks += found.checks
        stored.servers, stored.currencies = found.servers, found.currencies


def _check_contents(session: Session, shown: str) -> tuple[Stored, Heartbeats | None]:
    """Check the contents. Also returns the bot's last heartbeats if they can be read. Raises SQLAlchemyError."""
    stored = Stored()
    if damage := inspection.find_damage(session):
        advice = "stop the bot and restore the last backup with `coachbot restore FILE`; the damaged file is kept"
        stored.checks.append(error("database", f"{shown} is damaged: {damage}", advice))
        return stored, None
    revision = schema_version.current_revision(session)
    schema = inspection.compare(revision)
    stored.checks += [ok("database", f"{shown} is readable and intact"), _schema(schema, revision)]
    if schema is not Schema.CURRENT:
        return stored, None
    stored.servers = {guild.id: guild for guild in session.scalars(select(Guild))}
    for column in (Guild.currency, Coach.currency, Package.currency):
        stored.currencies |= set(session.scalars(select(column).distinct()))
    stored.checks.append(_check_zones(session))
    return stored, inspection.heartbeats(session)


def _check_zones(session: Session) -> Check:
    """Check that this host knows every time zone in use. Only meaningful on the bot's own host."""
    columns = Guild.time_zone, Coach.time_zone, Member.time_zone
    found = {name for column in columns for name in session.scalars(select(column).distinct()) if name is not None}
    if not (unknown := sorted(name for name in found if not is_known(name))):
        return ok("zones", f"this host knows all {len(found)} time zones in use")
    listed = all_of((f'"{name}"' for name in unknown), most=_LISTED)
    advice = "run `pip install -U tzdata` and restart the bot; until then, coaches in these zones can't be booked"
    return warning("zones", f"this host doesn't know some time zones in use: {listed}", advice)


def _schema(schema: Schema, revision: str | None) -> Check:
    match schema:
        case Schema.CURRENT:
            return ok("schema", f"the database schema is up to date ({revision})")
        case Schema.EMPTY:
            return warning(
                "schema", "the database has no tables yet", "`coachbot run` creates them when it starts"
            )
        case Schema.BEHIND:
            advice = "back it up with `coachbot backup FILE`, then restart the bot to upgrade it"
            return warning("schema", f"the database schema belongs to an older release ({revision})", advice)
        case Schema.UNKNOWN:
            advice = (
                "install that release, or restore a backup from before the upgrade with `coachbot restore FILE`"
            )
            return error("schema", f"the database schema belongs to a newer release ({revision})", advice)
