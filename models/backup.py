"""Copies of a SQLite database: made while it is in use, checked, and put back."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

_PAGES = 256
"""Copied at a time; in between others write."""

Progress = Callable[[int, int], None]
"""Told how many pages are copied, and of how many."""


class BadCopy(Exception):
    """The file is no database of this program, or a damaged one; one line says why."""


def back_up(source: Path, target: Path, progress: Progress = lambda _done, _all: None) -> None:
    """Copy a database that may be in use to a file that does not exist yet, and check the copy.

    Until it is whole and checked, it bears another name. Raises FileNotFoundError, FileExistsError, OSError,
    sqlite3.Error, BadCopy.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source}: there is no such database")
    if target.exists():
        raise FileExistsError(f"{target}: this file exists already; name another one")
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        _copy(source, unfinished, progress)
        check(unfinished)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def restore(copy: Path, database: Path, kept: Path, progress: Progress = lambda _done, _all: None) -> None:
    """Put a copy in the place of a database that nobody uses; the old one is kept under another name.

    Raises as `back_up` does, before anything is changed.
    """
    check(copy)
    if kept.exists():
        raise FileExistsError(f"{kept}: this file exists already; move it away")
    unfinished = database.with_name(f"{database.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        _copy(copy, unfinished, progress)
        if database.exists():
            with contextlib.closing(sqlite3.connect(database)) as old:
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the one file holds everything
            os.replace(database, kept)
        for beside in ("-wal", "-shm"):
            database.with_name(f"{database.name}{beside}").unlink(missing_ok=True)
        os.replace(unfinished, database)
    finally:
        unfinished.unlink(missing_ok=True)


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
        ScriptDirectory(str(Path(__file__).parent / "migrations")).get_revision(revision)
    except CommandError:
        raise BadCopy(f"{path}: it belongs to a newer release of this program ({revision})") from None
    return revision


def _copy(source: Path, target: Path, progress: Progress) -> None:
    def tell(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)

    with (
        contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as original,
        contextlib.closing(sqlite3.connect(target)) as copied,
    ):
        original.backup(copied, pages=_PAGES, progress=tell)
        copied.execute("PRAGMA journal_mode=DELETE")  # one file, without others beside it
