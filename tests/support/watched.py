"""A database that knows whether the running code is inside one of its transactions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from sqlalchemy.ext.asyncio import AsyncSession

from models.storage.database import Database

_inside: ContextVar[asyncio.Task[object] | None] = ContextVar("_inside", default=None)
"""The task that opened a transaction. Tasks it starts inherit this, but don't keep it open."""


class WatchedDatabase(Database):
    """Adds `is_in_transaction`."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        async with super().begin() as session:
            with _noted():
                yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with super().read() as session:
            with _noted():
                yield session


def is_in_transaction() -> bool:
    """Whether the caller is inside a transaction."""
    return _inside.get() is not None and _inside.get() is asyncio.current_task()


@contextmanager
def _noted() -> Iterator[None]:
    before = _inside.get()
    _inside.set(asyncio.current_task())
    try:
        yield
    finally:
        _inside.set(before)
