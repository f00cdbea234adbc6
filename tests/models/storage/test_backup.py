"""Backups: complete while others write, rejected if damaged, and restored without loss."""

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models import Guild
from models.storage import backup
from models.storage.backup import InUse, InvalidBackup
from models.storage.database import Database
from tests.support.builders import GUILD, a_guild


@pytest.fixture
async def db(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """Open this test's own SQLite database."""
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
    """Return the currency of the file's only server."""
    database = Database(f"sqlite:///{path}")
    async with database.read() as session:
        found = await session.scalar(select(Guild.currency).where(Guild.id == GUILD))
    await database.close()
    return str(found)


async def test_a_copy_holds_only_committed_data(db: Database, tmp_path: Path) -> None:
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

    with pytest.raises(FileExistsError, match=r"already exists; choose another name"):
        backup.back_up(migrated_sqlite, tmp_path / "copy.db")

    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_missing_database_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such database"):
        backup.back_up(tmp_path / "coachbot.db", tmp_path / "copy.db")

    assert list(tmp_path.iterdir()) == []


async def test_a_copy_is_restored_and_the_old_database_is_kept(db: Database, tmp_path: Path) -> None:
    backup.back_up(file_of(db), tmp_path / "copy.db")
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).currency = "CHF"
    await db.close()

    backup.restore(tmp_path / "copy.db", file_of(db), tmp_path / "kept.db")

    assert await currency(file_of(db)) == "USD"
    assert await currency(tmp_path / "kept.db") == "CHF"


def damaged(path: Path) -> None:
    """Overwrite the second half of the file with zeros."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))


def of_the_future(path: Path) -> None:
    """Leave the file as a later release would."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def something_else(path: Path) -> None:
    """Turn the file into another program's database."""
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE cats (name)")


def dangling(path: Path) -> None:
    """Add a row that refers to a missing one."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO specialties (guild_id, name) VALUES (1, 'Mixing')")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (damaged, "not a coachbot database|damaged"),
        (of_the_future, "newer release"),
        (something_else, "not a coachbot database"),
        (dangling, "damaged"),
        (Path.unlink, "file not found"),
    ],
)
async def test_an_invalid_copy_is_rejected_before_any_change(
    db: Database, tmp_path: Path, spoil: object, why: str
) -> None:
    copy = tmp_path / "copy.db"
    backup.back_up(file_of(db), copy)
    assert callable(spoil)
    spoil(copy)
    await db.close()

    with pytest.raises(InvalidBackup, match=why):
        backup.restore(copy, file_of(db), tmp_path / "kept.db")

    assert await currency(file_of(db)) == "USD"
    assert not (tmp_path / "kept.db").exists()


# Other programs that have it open.


@contextlib.contextmanager
def somebody_reads(path: Path) -> Iterator[None]:
    """Keep another program reading, so that the log can't be merged into the file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM guilds").fetchall()
        yield


async def test_a_database_being_read_is_not_replaced(db: Database, tmp_path: Path) -> None:
    database = file_of(db)
    backup.back_up(database, tmp_path / "copy.db")
    with somebody_reads(database):
        async with db.begin() as session:
            (await session.get_one(Guild, GUILD)).currency = "CHF"
        await db.close()

        with pytest.raises(InUse, match="another program has this database open; close it"):
            backup.restore(tmp_path / "copy.db", database, tmp_path / "kept.db")

        assert not (tmp_path / "kept.db").exists()
    assert await currency(database) == "CHF"
    backup.restore(tmp_path / "copy.db", database, tmp_path / "kept.db")
    assert await currency(tmp_path / "kept.db") == "CHF"


async def test_an_unreadable_database_is_replaced_and_kept_with_its_log(db: Database, tmp_path: Path) -> None:
    database, log = file_of(db), file_of(db).with_name("coachbot.db-wal")
    backup.back_up(database, tmp_path / "copy.db")
    await db.close()
    database.write_bytes(b"no database" * 1000)
    log.write_bytes(b"its log")

    backup.restore(tmp_path / "copy.db", database, tmp_path / "kept.db")

    assert await currency(database) == "USD"
    assert (tmp_path / "kept.db").read_bytes() == b"no database" * 1000
    assert (tmp_path / "kept.db-wal").read_bytes() == b"its log"


# File permissions.


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664], ids=oct)
async def test_a_copy_is_no_more_readable_than_its_database(db: Database, tmp_path: Path, mode: int) -> None:
    database = file_of(db)
    database.chmod(mode)
    backup.back_up(database, tmp_path / "copy.db")
    await db.close()
    (tmp_path / "copy.db").chmod(0o644)

    backup.restore(tmp_path / "copy.db", database, tmp_path / "kept.db")
    backup.back_up(database, tmp_path / "another.db")

    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("coachbot.db", "kept.db", "another.db")}
    assert modes == {mode}


# A killed process.


def killed_at(step: int, copy: Path, database: Path, kept: Path) -> bool:
    """Restore in a process that's killed at its `step`th file system call. Returns whether it got that far."""
    pid = os.fork()
    if not pid:
        left = step

        def count(event: str, _arguments: object) -> None:
            nonlocal left
            if event in {"open", "os.rename", "os.remove", "os.chmod", "os.chown", "sqlite3.connect"}:
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            backup.restore(copy, database, kept)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def whole(path: Path) -> str:
    """Return the currency of the file's only server. Fails unless the whole file is readable."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        [[found]] = connection.execute("SELECT currency FROM guilds")
    return str(found)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:.*multi-threaded:DeprecationWarning"
)  # the child starts no thread and ends at once
async def test_a_killed_restore_leaves_a_complete_database(db: Database, tmp_path: Path) -> None:
    database, copy, kept = file_of(db), tmp_path / "copy.db", tmp_path / "kept.db"
    backup.back_up(database, copy)
    async with db.begin() as session:
        (await session.get_one(Guild, GUILD)).currency = "CHF"
    await db.close()
    old = shutil.copy(database, tmp_path / "old.db")
    found: list[str] = []

    was_killed, step = True, 0
    while was_killed:
        step += 1
        was_killed = killed_at(step, copy, database, kept)
        found.append(whole(database))
        assert found[-1] == "CHF" or whole(kept) == "CHF", step
        for leftover in (database, kept, *(tmp_path / f"coachbot.db{one}" for one in ("-wal", "-shm", ".part"))):
            leftover.unlink(missing_ok=True)
        shutil.copy(old, database)

    assert step > 10
    assert found == sorted(found)  # first CHF, the old database, then USD, the new one
    assert set(found) == {"CHF", "USD"}
