"""Backs up a SQLite database while it's in use, checks copies, and restores them."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from models.storage.schema_version import MIGRATIONS

_PAGES = 256
"""Pages copied at a time; others can write in between."""
_FOR_OTHERS_TO_LEAVE_SECONDS = 2.0
"""How long to wait for other programs to close the database."""

Progress = Callable[[int, int], None]
"""Called with the number of pages copied and the total."""


class InvalidBackup(Exception):
    """The file isn't a coachbot database, or is damaged. The message is one line that says why."""


class InUse(Exception):
    """Another program has the database open."""


def back_up(source: Path, target: Path, progress: Progress = lambda _done, _all: None) -> None:
    """Copy a database that may be in use to a new file, and check the copy.

    The file gets its name only once it's complete and checked, and the database's own permissions. Raises
    FileNotFoundError, FileExistsError, OSError, sqlite3.Error, InvalidBackup.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source}: no such database")
    if target.exists():
        raise FileExistsError(f"{target}: this file already exists; choose another name")
    with _temporary_file(target, like=source) as unfinished:
        _copy(source, unfinished, progress)
        check(unfinished)
        _finalize(unfinished, target)


def restore(copy: Path, database: Path, kept: Path, progress: Progress = lambda _done, _all: None) -> None:
    """Replace a database that nobody uses with a copy, and keep the old one under another name.

    There's a complete database at every moment, old or new, even if the process is killed. A damaged one is kept
    with its write-ahead log. Raises InUse and whatever `back_up` raises, before anything is changed.
    """
    check(copy)
    if kept.exists():
        raise FileExistsError(f"{kept}: this file already exists; move it away")
    with contextlib.ExitStack() as stack:
        unfinished = stack.enter_context(_temporary_file(database, like=database if database.exists() else copy))
        _copy(copy, unfinished, progress)
        if database.exists():
            # Keep it open to the end: closing any handle of a file drops all locks this process has on it.
            old = stack.enter_context(database.open("rb"))
            stack.enter_context(_exclusive(database))
            _keep(old, database, kept)
        _finalize(unfinished, database)


def check(path: Path) -> str:
    """Check that the file is an intact database of this or an older release, and return its revision.

    Raises InvalidBackup.
    """
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    if not path.exists():
        raise InvalidBackup(f"{path}: file not found")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            dangling = connection.execute("PRAGMA foreign_key_check").fetchone()
            [revision] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise InvalidBackup(f"{path}: not a coachbot database ({error})") from None
    if verdict != "ok" or dangling is not None:
        raise InvalidBackup(
            f"{path}: the database is damaged ({verdict if verdict != 'ok' else 'dangling references'})"
        )
    try:
        ScriptDirectory(str(MIGRATIONS)).get_revision(revision)
    except CommandError:
        raise InvalidBackup(f"{path}: this database belongs to a newer release of coachbot ({revision})") from None
    return revision


@contextlib.contextmanager
def _temporary_file(target: Path, *, like: Path) -> Iterator[Path]:
    """Create an empty file next to `target` with `like`'s owner and permissions. Deletes it at the end."""
    path = target.with_name(f"{target.name}.part")
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # nobody else may read it meanwhile
    try:
        model = like.stat()
        with contextlib.suppress(PermissionError):  # only root can change the owner
            os.chown(path, model.st_uid, model.st_gid)
        path.chmod(model.st_mode & 0o777)
        yield path
    finally:
        for ending in ("", "-journal"):
            path.with_name(path.name + ending).unlink(missing_ok=True)


@contextlib.contextmanager
def _exclusive(database: Path) -> Iterator[None]:
    """Keep every other program out of the database, with its write-ahead log merged and removed.

    A program that still has it open could later delete the new database's log, or write to the old one. A file
    that SQLite can't read can't be locked. Raises InUse.
    """
    with contextlib.closing(
        sqlite3.connect(database, timeout=_FOR_OTHERS_TO_LEAVE_SECONDS, isolation_level=None)
    ) as old:
        try:
            # Leaving WAL mode fails while another program has the file open.
            [mode] = old.execute("PRAGMA journal_mode=DELETE").fetchone()
            if mode != "delete":
                raise InUse(_in_use(database))
            old.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            raise InUse(_in_use(database)) from None
        except sqlite3.DatabaseError:
            pass  # damaged, which is why it's being replaced
        yield


def _in_use(database: Path) -> str:
    return f"{database}: another program has this database open; close it, then try again (fuser shows which)"


def _keep(old: BinaryIO, database: Path, kept: Path) -> None:
    """Keep a copy of the old database, with its log if that couldn't be merged."""
    log = database.with_name(f"{database.name}-wal")
    if log.exists():
        with log.open("rb") as content:
            _store(content, kept.with_name(f"{kept.name}-wal"), like=database)
    _store(old, kept, like=database)
    for ending in ("-wal", "-shm"):  # SQLite would apply the old log to the new database
        database.with_name(database.name + ending).unlink(missing_ok=True)


def _store(content: BinaryIO, target: Path, *, like: Path) -> None:
    with _temporary_file(target, like=like) as unfinished:
        with unfinished.open("wb") as file:
            shutil.copyfileobj(content, file)
        _finalize(unfinished, target)


def _finalize(unfinished: Path, target: Path) -> None:
    """Give a file its name once it's completely on disk."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _copy(source: Path, target: Path, progress: Progress) -> None:
    def tell(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)

    with (
        contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as original,
        contextlib.closing(sqlite3.connect(target)) as copied,
    ):
        original.backup(copied, pages=_PAGES, progress=tell)
        copied.execute("PRAGMA journal_mode=DELETE")  # so that it's a single file
