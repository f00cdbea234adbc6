"""Copies of a SQLite database: made while it is in use, checked, and put back."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from models.storage.schema_version import MIGRATIONS

_PAGES = 256
"""Copied at a time; in between others write."""
_FOR_OTHERS_TO_LEAVE_SECONDS = 2.0
"""How long a database that somebody has open is waited for."""

Progress = Callable[[int, int], None]
"""Told how many pages are copied, and of how many."""


class BadCopy(Exception):
    """The file is no database of this program, or a damaged one; one line says why."""


class InUse(Exception):
    """Another program has the database open."""


def back_up(source: Path, target: Path, progress: Progress = lambda _done, _all: None) -> None:
    """Copy a database that may be in use to a file that does not exist yet, and check the copy.

    Until it is whole and checked, it bears another name. Whoever may read the database may read the copy, and
    nobody else. Raises FileNotFoundError, FileExistsError, OSError, sqlite3.Error, BadCopy.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source}: there is no such database")
    if target.exists():
        raise FileExistsError(f"{target}: this file exists already; name another one")
    with _unfinished(target, like=source) as unfinished:
        _copy(source, unfinished, progress)
        check(unfinished)
        _put(unfinished, target)


def restore(copy: Path, database: Path, kept: Path, progress: Progress = lambda _done, _all: None) -> None:
    """Put a copy in the place of a database that nobody uses; the old one is kept under another name.

    There is a whole database at every moment, the old one or the new one, also if this is killed. A damaged one
    is kept as it is, together with its write-ahead log.

    Raises InUse and as `back_up` does, before anything is changed.
    """
    check(copy)
    if kept.exists():
        raise FileExistsError(f"{kept}: this file exists already; move it away")
    with contextlib.ExitStack() as stack:
        unfinished = stack.enter_context(_unfinished(database, like=database if database.exists() else copy))
        _copy(copy, unfinished, progress)
        if database.exists():
            # Open to the end: closing any handle of a file takes the locks that this process has on it.
            old = stack.enter_context(database.open("rb"))
            stack.enter_context(_alone_with(database))
            _keep(old, database, kept)
        _put(unfinished, database)


def check(path: Path) -> str:
    """Whether the file is a whole database of this program, or of an older release; its schema's revision.

    Raises BadCopy.
    """
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    if not path.exists():
        raise BadCopy(f"{path}: there is no such file")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            dangling = connection.execute("PRAGMA foreign_key_check").fetchone()
            [revision] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise BadCopy(f"{path}: this is no database of coachbot ({error})") from None
    if verdict != "ok" or dangling is not None:
        raise BadCopy(f"{path}: the database is damaged ({verdict if verdict != 'ok' else 'dangling references'})")
    try:
        ScriptDirectory(str(MIGRATIONS)).get_revision(revision)
    except CommandError:
        raise BadCopy(f"{path}: it belongs to a newer release of this program ({revision})") from None
    return revision


@contextlib.contextmanager
def _unfinished(target: Path, *, like: Path) -> Iterator[Path]:
    """An empty file beside `target`, with another file's owner and permissions; gone in the end."""
    path = target.with_name(f"{target.name}.part")
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # nobody else reads it meanwhile
    try:
        model = like.stat()
        with contextlib.suppress(PermissionError):  # only root gives files away
            os.chown(path, model.st_uid, model.st_gid)
        path.chmod(model.st_mode & 0o777)
        yield path
    finally:
        for ending in ("", "-journal"):
            path.with_name(path.name + ending).unlink(missing_ok=True)


@contextlib.contextmanager
def _alone_with(database: Path) -> Iterator[None]:
    """Keep every other program out of it, with its write-ahead log written into the file and gone.

    A program that has it open would later remove the new database's log by its name, or write to the old one.
    What SQLite cannot read keeps nobody out. Raises InUse.
    """
    with contextlib.closing(
        sqlite3.connect(database, timeout=_FOR_OTHERS_TO_LEAVE_SECONDS, isolation_level=None)
    ) as old:
        try:
            # WAL cannot be left while anybody else has the file open.
            [mode] = old.execute("PRAGMA journal_mode=DELETE").fetchone()
            if mode != "delete":
                raise InUse(_in_use(database))
            old.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            raise InUse(_in_use(database)) from None
        except sqlite3.DatabaseError:
            pass  # damaged: that is why it is to be replaced
        yield


def _in_use(database: Path) -> str:
    return f"{database}: another program has this database open; close it, then try again (fuser shows which)"


def _keep(old: BinaryIO, database: Path, kept: Path) -> None:
    """Copy the old one, and a log that could not be written into it, before anything takes its place."""
    log = database.with_name(f"{database.name}-wal")
    if log.exists():
        with log.open("rb") as content:
            _store(content, kept.with_name(f"{kept.name}-wal"), like=database)
    _store(old, kept, like=database)
    for ending in ("-wal", "-shm"):  # SQLite would put the old log into the new database
        database.with_name(database.name + ending).unlink(missing_ok=True)


def _store(content: BinaryIO, target: Path, *, like: Path) -> None:
    with _unfinished(target, like=like) as unfinished:
        with unfinished.open("wb") as file:
            shutil.copyfileobj(content, file)
        _put(unfinished, target)


def _put(unfinished: Path, target: Path) -> None:
    """Give a file its name once all of it is on the disk."""
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
        copied.execute("PRAGMA journal_mode=DELETE")  # one file, without others beside it
