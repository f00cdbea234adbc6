"""What state a database is in, found out without writing anything to it."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from models.database import Database
from models.job_run import Heartbeat


class Schema(StrEnum):
    """How a database's tables compare to those that this program knows."""

    EMPTY = "empty"
    BEHIND = "behind"
    """The next start brings them up to date."""
    CURRENT = "current"
    UNKNOWN = "unknown"
    """Of a newer release."""


@asynccontextmanager
async def reading(db: Database) -> AsyncIterator[AsyncSession]:
    """A session that cannot write. Of a SQLite file it neither makes one nor changes how it is kept.

    It connects when it is first used: only then DBAPIError, OSError.
    """
    if db.file is None:
        async with db.read() as session:
            yield session
        return
    url = db.url.set(database=db.file.as_uri()).update_query_dict({"mode": "ro", "uri": "true"})
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        async with AsyncSession(engine) as session:
            yield session
    finally:
        await engine.dispose()


async def damage(session: AsyncSession) -> str | None:
    """What is wrong with a SQLite file, the first of it, or None. PostgreSQL looks after itself.

    Raises DBAPIError if the file cannot be opened at all.
    """
    if session.get_bind().dialect.name != "sqlite":
        return None
    try:
        verdict = await session.scalar(text("PRAGMA quick_check(1)"))
        dangling = (await session.execute(text("PRAGMA foreign_key_check"))).first()
    except DBAPIError as error:
        # SQLITE_CORRUPT and SQLITE_NOTADB; what only hinders the opening is a kind of its own.
        if type(error.orig) is not sqlite3.DatabaseError:
            raise
        return str(error.orig)
    if verdict != "ok":
        return " ".join(str(verdict).split())
    if dangling is not None:
        return f"a row of {dangling[0]} refers to one of {dangling[2]} that is not there"
    return None


async def revision(session: AsyncSession) -> str | None:
    """The revision of the schema; None where no migration has run."""
    connection = await session.connection()
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def compare(found: str | None) -> Schema:
    """What this program makes of a database with that revision."""
    scripts = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    if found is None:
        return Schema.EMPTY
    if found == scripts.get_current_head():
        return Schema.CURRENT
    try:
        scripts.get_revision(found)
    except CommandError:
        return Schema.UNKNOWN
    return Schema.BEHIND


async def last_tick_at(session: AsyncSession) -> datetime | None:
    """When the bot last looked for what is due."""
    return await session.scalar(select(Heartbeat.at).where(Heartbeat.job == "tick"))
