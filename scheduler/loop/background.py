"""What the ticks of one process have begun, and the lock that keeps other processes from it meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

from models.storage.database import Database
from models.storage.locks import LockHolder
from scheduler.core.task_pool import TaskPool


class CutShort(Exception):
    """A tick was cut short because the lock was lost, it took too long, or the process is stopping."""


class BackgroundWork:
    """What takes long outlives its tick, so that the next one is on time.

    As soon as the lock is lost, everything is dropped, because another process may be doing it. A tick that takes
    longer than `longest` is dropped too. With `wait_for_slow`, a tick ends when all that it began has ended.
    """

    def __init__(self, longest: timedelta | None = None, *, wait_for_slow: bool = False) -> None:
        self.sessions: TaskPool[tuple[list[str], list[str]]] = TaskPool(wait_for_slow=wait_for_slow)
        self.roles: TaskPool[tuple[int, int]] = TaskPool(wait_for_slow=wait_for_slow)
        self.looks: TaskPool[int] = TaskPool(wait_for_slow=wait_for_slow)
        self.notifications: TaskPool[list[bool | None]] = TaskPool(wait_for_slow=wait_for_slow)
        self.sweeps: TaskPool[None] = TaskPool(wait_for_slow=wait_for_slow)
        self._sorts: list[TaskPool[Any]] = [self.sessions, self.roles, self.looks, self.notifications, self.sweeps]
        self._longest = longest
        self._lock = AsyncExitStack()
        self._grip: LockHolder | None = None
        self._holders = 0
        self._keeper: asyncio.Task[None] | None = None
        self._ticks: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def tick(self, db: Database) -> AsyncIterator[bool]:
        """Whether this process may run a tick now. The lock is kept for as long as anything goes on.

        Raises CutShort.
        """
        if not self._holders and not await self._take(db):
            yield False
            return
        if self._grip is None or self._grip.lost.done():
            yield False
            return
        self._holders += 1
        limit = asyncio.timeout(self._longest.total_seconds() if self._longest else None)
        try:
            async with limit:
                self._ticks.add(limit)
                yield True
        except TimeoutError:
            if not limit.expired():
                raise
            why = "its lock was lost" if self._grip.lost.done() else "it took too long"
            raise CutShort(f"a tick was given up: {why}") from None
        finally:
            self._ticks.discard(limit)
            if self._keeper is None and any(one.under_way for one in self._sorts):
                self._holders += 1
                self._keeper = asyncio.get_running_loop().create_task(self._keep())
            await self._leave()

    async def _take(self, db: Database) -> bool:
        self._grip = await self._lock.enter_async_context(db.tick_lock())
        if self._grip is None:
            await self._lock.aclose()
            return False
        self._grip.lost.add_done_callback(self._lost)
        return True

    def _lost(self, _lock: asyncio.Future[None]) -> None:
        self.give_up()

    def give_up(self) -> None:
        """Cancel everything at once, wherever it has got to. It can safely be done again."""
        for limit in self._ticks:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())
        for one in self._sorts:
            one.give_up()

    async def rest(self) -> None:
        """Wait until nothing goes on any more."""
        for one in self._sorts:
            await one.rest()
        if self._keeper is not None:
            await asyncio.wait({self._keeper})

    async def _keep(self) -> None:
        try:
            for one in self._sorts:
                await one.rest()
        finally:
            self._keeper = None
            await self._leave()

    async def _leave(self) -> None:
        self._holders -= 1
        if not self._holders:
            if self._grip is not None:
                self._grip.lost.remove_done_callback(self._lost)
            await self._lock.aclose()
