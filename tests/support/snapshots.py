"""Snapshots of a database, to skip steps that always lead to the same rows."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table, insert, select, text

from models.base import Base
from models.storage.database import Database

_VERSIONS = slice(18, 20)
"""The header's file format versions: 2 means a write-ahead log, which a database in memory can't have."""


def take(db: Database) -> bytes:
    """Return the whole SQLite database, as committed."""
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


class Snapshot:
    """What's in a database of either engine, to go back to it again and again."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._file = b""
        self._rows: dict[Table, list[dict[str, Any]]] = {}

    @classmethod
    async def of(cls, db: Database) -> "Snapshot":
        """Take a snapshot of what's committed."""
        taken = cls(db)
        if db.is_sqlite:
            taken._file = take(db)
            return taken
        async with db.engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                found = await connection.execute(select(table))
                taken._rows[table] = [dict(one) for one in found.mappings()]
        return taken

    async def restore(self) -> None:
        """Replace everything in the database. No transaction may be open."""
        if self._db.is_sqlite:
            restore(self._db, self._file)
            return
        async with self._db.engine.begin() as connection:
            await connection.execute(text(f"TRUNCATE {', '.join(table.name for table in self._rows)}"))
            for table, rows in self._rows.items():
                if rows:
                    await connection.execute(insert(table), rows)
