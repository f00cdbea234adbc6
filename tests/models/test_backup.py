"""Copies of a database: whole although others write meanwhile, refused if damaged, and put back without a loss."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models import Guild, backup
from models.backup import BadCopy
from models.database import Database
from tests.builders import GUILD, a_guild


@pytest.fixture
async def db(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A SQLite database of this test's own, in use."""
    path = tmp_path / "coachbot.db"
    backup.back_up(migrated_sqlite, path)
    database = Database(f"sqlite:///{path}")
    async with database.begin() as session:
        await a_guild(session)
    yield database
    await database.close()


def file_of(db: Database) -> Path:
    return Path(str(db.url.database))


async def currency(path: Path) -> str:
    """What the only server in that file counts in."""
    database = Database(f"sqlite:///{path}")
    async with database.read() as session:
        found = await session.scalar(select(Guild.currency).where(Guild.id == GUILD))
    await database.close()
    return str(found)


async def test_a_copy_holds_what_was_committed_and_nothing_of_a_transaction_that_is_open(
    db: Database, tmp_path: Path
) -> None:
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).currency = "CHF"
        await session.flush()

        backup.back_up(file_of(db), tmp_path / "copy.db")

    assert await currency(tmp_path / "copy.db") == "USD"
    assert await currency(file_of(db)) == "CHF"
    assert not (tmp_path / "copy.db.part").exists()
    assert not (tmp_path / "copy.db-wal").exists()


def test_nothing_is_ever_overwritten(tmp_path: Path, migrated_sqlite: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")

    with pytest.raises(FileExistsError, match=r"exists already; name another one"):
        backup.back_up(migrated_sqlite, tmp_path / "copy.db")

    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no such database"):
        backup.back_up(tmp_path / "coachbot.db", tmp_path / "copy.db")

    assert list(tmp_path.iterdir()) == []


async def test_what_was_copied_can_be_put_back_and_the_rest_is_kept_beside_it(
    db: Database, tmp_path: Path
) -> None:
    backup.back_up(file_of(db), tmp_path / "copy.db")
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).currency = "CHF"
    await db.close()

    backup.restore(tmp_path / "copy.db", file_of(db), tmp_path / "kept.db")

    assert await currency(file_of(db)) == "USD"
    assert await currency(tmp_path / "kept.db") == "CHF"


def damaged(path: Path) -> None:
    """Zeros over the second half of the file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))


def of_the_future(path: Path) -> None:
    """As a later release leaves it."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def something_else(path: Path) -> None:
    """Another program's database."""
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE cats (name)")


def dangling(path: Path) -> None:
    """A row that refers to one that is gone."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO specialties (guild_id, name) VALUES (1, 'Mixing')")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (damaged, "no database of coachbot|damaged"),
        (of_the_future, "newer release"),
        (something_else, "no database of coachbot"),
        (dangling, "damaged"),
        (Path.unlink, "no such file"),
    ],
)
async def test_a_copy_that_is_of_no_use_is_refused_before_anything_is_changed(
    db: Database, tmp_path: Path, spoil: object, why: str
) -> None:
    copy = tmp_path / "copy.db"
    backup.back_up(file_of(db), copy)
    assert callable(spoil)
    spoil(copy)
    await db.close()

    with pytest.raises(BadCopy, match=why):
        backup.restore(copy, file_of(db), tmp_path / "kept.db")

    assert await currency(file_of(db)) == "USD"
    assert not (tmp_path / "kept.db").exists()
