"""A database that knows whether the code that runs at this moment is inside one of its transactions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from sqlalchemy.ext.asyncio import AsyncSession

from models.storage.database import Database

_inside: ContextVar[asyncio.Task[object] | None] = ContextVar("_inside", default=None)
"""The task that opened a transaction; those that it starts meanwhile know of it, but do not keep it open."""


class WatchedDatabase(Database):
    """The same, but `is_in_transaction` tells of it."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """As everywhere."""
        async with super().begin() as session:
            with _noted():
                yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """As everywhere."""
        async with super().read() as session:
            with _noted():
                yield session


def is_in_transaction() -> bool:
    """Whether whoever asks has a transaction open, by this function or by one that called it."""
    return _inside.get() is not None and _inside.get() is asyncio.current_task()


@contextmanager
def _noted() -> Iterator[None]:
    before = _inside.get()
    _inside.set(asyncio.current_task())
    try:
        yield
    finally:
        _inside.set(before)
