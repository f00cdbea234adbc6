"""Whether the database can be used, is whole and of this release, and has room to grow."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.cli.exit import cause
from bot.doctor import running
from bot.doctor.checks import TO_ANSWER, Check, Level, error, ok, warning
from models import Coach, Guild, Member
from models.storage import inspection, schema_version
from models.storage.database import Database
from models.storage.inspection import Heartbeats, Schema
from scheduler.core.clock import Clock
from scheduler.time.time_zones import is_known

FreeBytes = Callable[[Path], int]
"""How much can still be written into a folder."""

_LITTLE, _TOO_LITTLE = 500_000_000, 50_000_000
_LISTED = 5
_BESIDE = ("", "-wal", "-shm", ".run", ".tick")
"""What is added to the name of a SQLite file for those that the bot keeps with it."""


@dataclass(slots=True)
class Stored:
    """What was found, and the servers' settings if they can be read."""

    checks: list[Check] = field(default_factory=list)
    servers: dict[int, Guild] | None = None


async def examine(url: str, clock: Clock, free_bytes: FreeBytes) -> Stored:
    """Look at the database and at the disk that it is on, as the user who runs this."""
    try:
        db = Database(url)
    except ModuleNotFoundError as missing:
        found = f"database_url needs the package {missing.name}, which is not installed"
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
        advice = "make that folder, or set DATABASE_URL to where the database is"
        return [error("file", f"there is no folder {folder} for the database", advice)]
    there = [file for beside in _BESIDE if (file := path.with_name(path.name + beside)).exists()]
    locked = [str(file) for file in there if not _may(file, os.R_OK | os.W_OK)]
    if not _may(folder, os.R_OK | os.W_OK | os.X_OK):
        locked.append(f"the folder {folder}")
    if locked:
        advice = (
            "run this as the user that the bot runs as; if it is that user, give it these with chown and chmod"
        )
        file = error("file", f"this user may not read and write {', '.join(locked)}", advice)
    elif path not in there:
        advice = (
            "if the bot has run before, this is the wrong folder or the wrong DATABASE_URL; else `coachbot run`"
        )
        file = warning("file", f"{path} does not exist yet; `coachbot run` makes it", advice)
    else:
        file = ok("file", f"{path} can be read and written")
    return [file, _disk(free_bytes(folder))]


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _disk(free: int) -> Check:
    found = f"{free // 1_000_000} MB are free on the disk of the database"
    if free >= _LITTLE:
        return ok("disk", found)
    advice = "make room there; a full disk stops every booking"
    return error("disk", found, advice) if free < _TOO_LITTLE else warning("disk", found, advice)


async def _inside(db: Database, stored: Stored, now: datetime) -> None:
    shown = db.url.set(drivername=db.url.get_backend_name()).render_as_string(hide_password=True)
    try:
        # A file answers; only to read all of a large one takes a while.
        async with asyncio.timeout(None if db.is_sqlite else TO_ANSWER.total_seconds()):
            found, last = await inspection.inspect_database(db, lambda session: _contents(session, shown))
            found.checks.append(running.by_heartbeats(await db.is_run(), last, now))
    except (OSError, SQLAlchemyError) as failure:
        if any(check.name == "file" and check.level is Level.ERROR for check in stored.checks):
            return  # who may not use the file has been told so
        advice = "check DATABASE_URL, that the database server runs, and who may use the database"
        stored.checks.append(error("database", f"{shown} cannot be opened: {cause(failure)}", advice))
    else:
        stored.checks += found.checks
        stored.servers = found.servers


def _contents(session: Session, shown: str) -> tuple[Stored, Heartbeats | None]:
    """What is in it, and the bot's last signs of life if they can be read. Raises what SQLAlchemy does."""
    stored = Stored()
    if damage := inspection.damage(session):
        advice = "stop the bot and put the last copy back with `coachbot restore FILE`; the damaged file is kept"
        stored.checks.append(error("database", f"{shown} is damaged: {damage}", advice))
        return stored, None
    revision = schema_version.found(session)
    schema = inspection.compare(revision)
    stored.checks += [ok("database", f"{shown} can be read and is whole"), _schema(schema, revision)]
    if schema is not Schema.CURRENT:
        return stored, None
    stored.servers = {guild.id: guild for guild in session.scalars(select(Guild))}
    stored.checks.append(_zones(session))
    return stored, inspection.heartbeats(session)


def _zones(session: Session) -> Check:
    """Whether this host knows every zone that a row names. Meaningful only where the bot itself runs."""
    columns = Guild.time_zone, Coach.time_zone, Member.time_zone
    found = {name for column in columns for name in session.scalars(select(column).distinct()) if name is not None}
    if not (unknown := sorted(name for name in found if not is_known(name))):
        return ok("zones", f"this host knows all {len(found)} time zones in use")
    listed = ", ".join(f'"{name}"' for name in unknown[:_LISTED])
    more = f" and {len(unknown) - _LISTED} more" if len(unknown) > _LISTED else ""
    advice = "run `pip install -U tzdata` and restart the bot; until then, coaches in these zones can't be booked"
    return warning("zones", f"this host doesn't know some time zones in use: {listed}{more}", advice)


def _schema(schema: Schema, revision: str | None) -> Check:
    match schema:
        case Schema.CURRENT:
            return ok("schema", f"the tables are those of this release ({revision})")
        case Schema.EMPTY:
            return warning("schema", "the database has no tables yet", "`coachbot run` makes them when it starts")
        case Schema.BEHIND:
            advice = "make a copy with `coachbot backup FILE`, then start the bot anew: it brings them up to date"
            return warning("schema", f"the tables are those of an older release ({revision})", advice)
        case Schema.UNKNOWN:
            advice = "install that release, or restore a copy from before the upgrade with `coachbot restore FILE`"
            return error("schema", f"the tables are those of a newer release ({revision})", advice)
