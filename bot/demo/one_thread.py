"""SQLite in the calling thread, without waiting for the disk.

Otherwise most of the time of the demo, and of a test, goes into switching threads and committing.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Generator
from typing import Any

import aiosqlite
from sqlalchemy import event

from models.storage.database import Database


class _AtOnce:
    """Replaces the queue to a thread, which might answer after the loop is closed."""

    def put_nowait(self, asked: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = asked
        done = function()
        if future is not None:
            future.set_result(done)


_STATEMENTS = {"execute", "executemany", "commit"}
"""The calls after which other tasks run. Yielding after a cursor's other calls takes a tenth of the time."""


class _Connection(aiosqlite.Connection):
    """Executes at once and then yields, so that tasks can still interleave between statements."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._tx: Any = _AtOnce()

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        return self._connect().__await__()

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or self._connection is None:
            raise ValueError("Connection closed")
        done = fn(*args, **kwargs)
        if fn.__name__ in _STATEMENTS:
            await asyncio.sleep(0)
        return done


def in_one_thread(db: Database) -> Database:
    """Return a database whose SQLite connections use no thread. Don't use it if another Database in this process
    writes to the same file: waiting for the lock would block the one that holds it."""
    if db.is_sqlite:
        for engine in db._engines:
            event.listen(engine.sync_engine, "do_connect", _connect_here)
            event.listen(engine.sync_engine, "connect", _do_not_wait_for_the_disk)
    return db


def _connect_here(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
    options["async_creator_fn"] = _opened


def _do_not_wait_for_the_disk(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")  # no power cuts here
    cursor.close()


def _opened(file: str, **options: Any) -> _Connection:
    return _Connection(lambda: sqlite3.connect(file, **options))
