"""Inspects a database without writing to it."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeVar

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, create_engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from models.job_run import Heartbeat
from models.storage import schema_version
from models.storage.database import Database

T = TypeVar("T")


class Schema(StrEnum):
    """How a database's schema compares to this release's."""

    EMPTY = "empty"
    BEHIND = "behind"
    """The next start upgrades it."""
    CURRENT = "current"
    UNKNOWN = "unknown"


async def inspect_database(db: Database, at: Callable[[Session], T]) -> T:
    """Run `at` in a read-only session. Never creates a file. Raises DBAPIError or OSError on failure."""
    if db.file is None:
        async with db.read() as session:
            return await session.run_sync(at)
    url = URL.create("sqlite", database=db.file.as_uri(), query={"mode": "ro", "uri": "true"})
    # With aiosqlite, a file that can't be opened leaves a thread that outlives the event loop.
    return await asyncio.to_thread(_run_on_file, url, at)


def _run_on_file(url: URL, at: Callable[[Session], T]) -> T:
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        with Session(engine) as session:
            return at(session)
    finally:
        engine.dispose()


def find_damage(session: Session) -> str | None:
    """Return the first damage found in a SQLite file, or None. PostgreSQL checks itself.

    Raises DBAPIError if the file can't be opened at all.
    """
    if session.get_bind().dialect.name != "sqlite":
        return None
    try:
        verdict = session.scalar(text("PRAGMA quick_check(1)"))
        dangling = session.execute(text("PRAGMA foreign_key_check")).first()
    except DBAPIError as error:
        # SQLITE_CORRUPT and SQLITE_NOTADB. Errors in opening the file have their own type.
        if type(error.orig) is not sqlite3.DatabaseError:
            raise
        return str(error.orig)
    if verdict != "ok":
        return " ".join(str(verdict).split())
    if dangling is not None:
        return f"a row of {dangling[0]} refers to a missing row of {dangling[2]}"
    return None


def compare(found: str | None) -> Schema:
    """Compare a revision with this release's."""
    scripts = ScriptDirectory(str(schema_version.MIGRATIONS))
    if found is None:
        return Schema.EMPTY
    if found == scripts.get_current_head():
        return Schema.CURRENT
    try:
        scripts.get_revision(found)
    except CommandError:
        return Schema.UNKNOWN
    return Schema.BEHIND


class Heartbeats(NamedTuple):
    """The bot's last signs of life."""

    ticked_at: datetime | None
    """When its last tick ended."""
    watched_until: datetime | None
    """Until when it has recorded all gateway events."""


def heartbeats(session: Session) -> Heartbeats:
    """Read the heartbeats from the database."""
    found = {one.job: one.at for one in session.scalars(select(Heartbeat))}
    watched = [at for job, at in found.items() if job.partition(":")[0] == "watch"]
    return Heartbeats(found.get("tick"), min(watched) if "watch" in found else None)
