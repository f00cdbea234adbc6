"""The engines and the two ways to open a session: `begin` to write, `read` to look."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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
from models.storage.locks import RUN, TICK, LockHolder

# Backend → its asynchronous driver, also where the URL names another one.
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_BUSY_MILLISECONDS = 60_000  # as long as the pools wait: SQLite lets processes in without any order
_READERS = 4
_DISCREET: dict[str, Any] = {
    "hide_parameters": True
}  # else an error's text, which is logged, quotes what people wrote
_MIGRATION_LOCK = 0x636F616368  # "coach"; any number that nothing else in the database uses
_LOCKS = {TICK: _MIGRATION_LOCK + 1, RUN: _MIGRATION_LOCK + 2}


class UnknownSchema(Exception):
    """The database was migrated by a newer release of this program."""


class Database:
    """One SQLite file or one PostgreSQL database.

    `url` is an SQLAlchemy URL: `sqlite:///file` or `postgresql://user:password@host/name`.
    """

    def __init__(self, url: str) -> None:
        """Connects to nothing yet. Raises libpq.Unsupported."""
        parsed = make_url(url)
        self.url = parsed.set(drivername=_DRIVERS[parsed.get_backend_name()])
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._locks: FileLocks | AdvisoryLocks
        if self.is_sqlite:
            file = sqlite_file(self.url)
            self.url = self.url.set(database=str(file))
            # Writers queue for the one connection here, in order, instead of failing with "database is
            # locked" when SQLite's own waiting runs out.
            writer = create_async_engine(self.url, pool_size=1, max_overflow=0, pool_timeout=60, **_DISCREET)
            reader = create_async_engine(
                self.url, pool_size=_READERS, max_overflow=0, pool_timeout=60, **_DISCREET
            )
            _take_over_transactions(writer.sync_engine, "BEGIN IMMEDIATE")
            _take_over_transactions(reader.sync_engine, "BEGIN")
            self._engines = [writer, reader]
            self._locks = FileLocks(file)
        else:
            from models.storage import libpq, postgres  # what they need comes with the extra `postgres`

            self._address = libpq.address(self.url)
            self.url = self._address.url
            writer = postgres.engine(self._address, to_answer=postgres.TO_ANSWER, pool_size=10, pool_pre_ping=True)
            reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            at_once = {"isolation_level": "AUTOCOMMIT"}
            alone = postgres.engine(
                self._address, to_answer=postgres.PROMPTLY, poolclass=NullPool, execution_options=at_once
            )
            self._engines = [writer]
            self._locks = AdvisoryLocks(alone, writer.execution_options(**at_once), _LOCKS)
        self._writer = writer
        self._write = async_sessionmaker(writer, expire_on_commit=False)
        self._read = async_sessionmaker(reader, expire_on_commit=False)

    @property
    def file(self) -> Path | None:
        """Where the SQLite file is or is going to be; None for PostgreSQL."""
        return Path(self.url.database or "") if self.is_sqlite else None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A transaction: commits when the block ends, rolls back if it raises.

        On SQLite it holds the write lock from its first line.
        """
        async with self._write.begin() as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A consistent view that waits for no writer and never commits."""
        async with self._read() as session:
            yield session

    async def upgrade(self, revision: str = "head") -> None:
        """Bring the schema to `revision`, in one transaction; a second process waits for the first.

        Raises UnknownSchema.
        """
        if revision == "head" and await self.is_current():
            return  # as at almost every start, and what migrates need not be loaded
        if self.is_sqlite:
            engine = create_async_engine(self.url, poolclass=NullPool, **_DISCREET)
            # A rebuilt table is dropped, and with foreign keys on that would cascade into its children.
            _take_over_transactions(engine.sync_engine, "BEGIN IMMEDIATE", foreign_keys=False)
        else:
            from models.storage import postgres

            # However long it takes, and however long another process migrates.
            engine = postgres.engine(self._address, to_answer=None, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(self._migrate, revision)
        finally:
            await engine.dispose()

    async def is_current(self) -> bool:
        """Whether the schema is the one that this program works with."""
        async with self.read() as session:
            return await session.run_sync(schema_version.found) == schema_version.newest()

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

    def tick_lock(self) -> AbstractAsyncContextManager[LockHolder | None]:
        """The right of this process to run a tick now, or None. Nobody waits; the lock dies with its process.

        A process that has the run lock gets it only while it still has that one, and loses both together.
        """
        return self._locks.tick()

    def run_lock(self) -> AbstractAsyncContextManager[bool]:
        """Whether this process may be the one that runs the bot. Nobody waits; the lock dies with its process."""
        return self._locks.run()

    async def keep_run_lock(self) -> None:
        """Inside `run_lock`: take it again whenever it is lost. Comes to an end when another process has it."""
        await self._locks.keep_run()

    async def is_run(self) -> bool:
        """Whether a bot runs on this database. Takes nothing, not for a moment, and leaves no file behind."""
        return await self._locks.is_run()

    async def close(self) -> None:
        """Give back every connection."""
        for engine in self._engines:
            await engine.dispose()

    @property
    def engine(self) -> AsyncEngine:
        """The engine that writes, for what a session cannot express."""
        return self._writer


def sqlite_file(url: URL) -> Path:
    """The one name of a SQLite file, whichever of its names was given: locks and copies lie beside it."""
    given = Path(url.database or "")
    return (given.expanduser() if given.parts[:1] == ("~",) else given).resolve()


def lost_a_race(error: BaseException) -> bool:
    """Whether a transaction failed only because of another one, so that doing it again may well work."""
    if not isinstance(error, DBAPIError):
        return False
    # PostgreSQL: serialization_failure and deadlock_detected. SQLite: the lock was not to be had for long.
    return getattr(error.orig, "sqlstate", None) in ("40001", "40P01") or "database is locked" in str(error.orig)


async def insert_if_absent(session: AsyncSession, table: type[Base], **values: Any) -> None:
    """Insert a row unless its key is there already, also when another transaction inserts it just now."""
    if session.get_bind().dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # SQLite can do without all of that dialect
    await session.execute(insert(table).values(**values).on_conflict_do_nothing())


def _take_over_transactions(engine: Engine, begin: str, *, foreign_keys: bool = True) -> None:
    """Let SQLAlchemy and not the sqlite3 module decide when a transaction starts, and with which BEGIN."""

    @event.listens_for(engine, "connect")
    def configure(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        # synchronous=FULL: a booking that was confirmed survives a power cut.
        for pragma in (
            f"busy_timeout={_BUSY_MILLISECONDS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
