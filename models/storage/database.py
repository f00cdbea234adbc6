"""The engines and the two ways to open a session: `begin` to write, `read` to read."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from models.base import Base
from models.storage import schema_version
from models.storage.advisory_locks import AdvisoryLocks
from models.storage.file_locks import FileLocks
from models.storage.locks import RUN, TICK, Locks
from models.storage.lookups import QuickLookups

# Maps a backend to its async driver, whatever driver the URL names.
_DRIVERS = {"sqlite": "sqlite+aiosqlite"} | dict.fromkeys(("postgresql", "postgres"), "postgresql+asyncpg")
_BUSY_MILLISECONDS = 60_000  # as long as the pools wait: SQLite doesn't queue processes in order
_READERS = 4
# Otherwise error messages, which are logged, quote what people wrote.
_DISCREET: dict[str, Any] = {"hide_parameters": True}
_MIGRATION_LOCK = 0x636F616368  # "coach"; any number not used otherwise
_LOCKS = {TICK: _MIGRATION_LOCK + 1, RUN: _MIGRATION_LOCK + 2}


class UnknownSchema(Exception):
    """The database was migrated by a newer release."""


class Database:
    """One SQLite file or one PostgreSQL database.

    `url` is an SQLAlchemy URL: `sqlite:///file` or `postgresql://user:password@host/name`.
    """

    def __init__(self, url: str) -> None:
        """Prepare the engines without connecting. Raises libpq.Unsupported."""
        parsed = make_url(url)
        self.url = parsed.set(drivername=_DRIVERS[parsed.get_backend_name()])
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.locks: Locks
        """They keep two bots off one database, and two ticks from running at once."""
        if self.is_sqlite:
            file = sqlite_file(self.url)
            self.url = self.url.set(database=str(file))
            # Writers queue here for one connection, in order, instead of failing with "database is locked".
            writer = create_async_engine(self.url, pool_size=1, max_overflow=0, pool_timeout=60, **_DISCREET)
            reader = create_async_engine(
                self.url, pool_size=_READERS, max_overflow=0, pool_timeout=60, **_DISCREET
            )
            _take_over_transactions(writer.sync_engine, "BEGIN IMMEDIATE")
            _take_over_transactions(reader.sync_engine, "BEGIN")
            self._engines = [writer, reader]
            self.locks = FileLocks(file)
        else:
            from models.storage import libpq, postgres  # needs the extra `postgres`

            self._address = libpq.address(self.url)
            self.url = self._address.url
            writer = postgres.engine(
                self._address, to_answer=postgres.STATEMENT_TIMEOUT, pool_size=10, pool_pre_ping=True
            )
            reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            at_once = {"isolation_level": "AUTOCOMMIT"}
            alone = postgres.engine(
                self._address, to_answer=postgres.BEGIN_TIMEOUT, poolclass=NullPool, execution_options=at_once
            )
            self._engines = [writer]
            self.locks = AdvisoryLocks(alone, writer.execution_options(**at_once), _LOCKS)
        self._writer = writer
        self._write = async_sessionmaker(writer, expire_on_commit=False, sync_session_class=QuickLookups)
        self._read = async_sessionmaker(reader, expire_on_commit=False, sync_session_class=QuickLookups)

    @property
    def file(self) -> Path | None:
        """Return the path of the SQLite file, whether it exists or not; None for PostgreSQL."""
        return Path(self.url.database or "") if self.is_sqlite else None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction: commits when the block ends, rolls back if it raises.

        On SQLite it holds the write lock from the start.
        """
        async with self._write.begin() as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a consistent view that waits for no writer and never commits."""
        async with self._read() as session:
            yield session

    async def upgrade(self, revision: str = "head") -> None:
        """Migrate the schema to `revision` in one transaction; a second process waits for the first.

        Raises UnknownSchema.
        """
        if revision == "head" and await self.is_current():
            return  # the usual case, without loading Alembic
        if self.is_sqlite:
            engine = create_async_engine(self.url, poolclass=NullPool, **_DISCREET)
            # Rebuilding a table drops it, which would cascade into its children if foreign keys were on.
            _take_over_transactions(engine.sync_engine, "BEGIN IMMEDIATE", foreign_keys=False)
        else:
            from models.storage import postgres

            # A migration may take long, and so may waiting for another process's.
            engine = postgres.engine(self._address, to_answer=None, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(self._migrate, revision)
        finally:
            await engine.dispose()

    async def is_current(self) -> bool:
        """Whether the schema is the one this release works with."""
        async with self.read() as session:
            return await session.run_sync(schema_version.current_revision) == schema_version.latest_revision()

    def _migrate(self, connection: Connection, revision: str) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        if not self.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config = Config()
        config.set_main_option("script_location", str(schema_version.MIGRATIONS))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise UnknownSchema(str(error)) from None
        if self.is_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
            raise RuntimeError(f"migrating to {revision} would leave dangling references: {broken[:5]}")

    async def close(self) -> None:
        """Close every connection."""
        for engine in self._engines:
            await engine.dispose()

    @property
    def engine(self) -> AsyncEngine:
        """Return the writing engine, for what a session can't do."""
        return self._writer


def sqlite_file(url: URL) -> Path:
    """Return the SQLite file's resolved path. Locks and copies are stored next to it."""
    given = Path(url.database or "")
    return (given.expanduser() if given.parts[:1] == ("~",) else given).resolve()


def lost_a_race(error: BaseException) -> bool:
    """Whether a transaction failed only because of another one, so that it's worth retrying."""
    if not isinstance(error, DBAPIError):
        return False
    # PostgreSQL: serialization_failure and deadlock_detected. SQLite: waited too long for the lock.
    return getattr(error.orig, "sqlstate", None) in ("40001", "40P01") or "database is locked" in str(error.orig)


async def insert_if_absent(session: AsyncSession, table: type[Base], **values: Any) -> None:
    """Insert a row unless its key exists, even if another transaction inserts it right now."""
    if session.get_bind().dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # SQLite doesn't need this dialect
    await session.execute(insert(table).values(**values).on_conflict_do_nothing())


def _take_over_transactions(engine: Engine, begin: str, *, foreign_keys: bool = True) -> None:
    """Let SQLAlchemy instead of sqlite3 decide when a transaction starts, and with which BEGIN."""

    @event.listens_for(engine, "connect")
    def configure(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
        for tries_left in reversed(range(10)):
            try:
                cursor.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError:
                if not tries_left:
                    raise
                # On a new file, SQLite refuses this at once while another process writes: wait for that one.
                cursor.execute("BEGIN IMMEDIATE")
                cursor.execute("COMMIT")
        cursor.execute("PRAGMA synchronous=FULL")  # a confirmed booking survives a power cut
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
