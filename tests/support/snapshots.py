"""Snapshots of a SQLite database, to skip steps that always lead to the same rows."""

import contextlib
import sqlite3
from collections.abc import Iterator

from models.storage.database import Database

_VERSIONS = slice(18, 20)
"""The header's file format versions: 2 means a write-ahead log, which a database in memory can't have."""


def take(db: Database) -> bytes:
    """Return the whole database, as committed."""
    with _connection(db) as connection:
        return connection.serialize()


def restore(db: Database, snapshot: bytes) -> None:
    """Replace everything in the database. No transaction may be open."""
    without_log = bytearray(snapshot)
    without_log[_VERSIONS] = b"\1\1"
    with _connection(db) as connection, contextlib.closing(sqlite3.connect(":memory:")) as source:
        connection.execute("PRAGMA synchronous=OFF")  # no power cuts here
        source.deserialize(bytes(without_log))
        source.backup(connection)


@contextlib.contextmanager
def _connection(db: Database) -> Iterator[sqlite3.Connection]:
    assert db.file is not None
    with contextlib.closing(sqlite3.connect(db.file)) as connection:
        yield connection
