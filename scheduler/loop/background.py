"""The work that one process's ticks have started, and the lock that keeps other processes from doing it too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from models.storage.database import Database
from models.storage.locks import LockHolder
from scheduler.core.task_pool import TaskPool


class CutShort(Exception):
    """A tick was cut short: its lock was lost, it took too long, or the process is stopping."""


class BackgroundWork:
    """Lets slow work outlive its tick, so that the next one is on time.

    Once the lock is lost, everything is cancelled, because another process may be doing it. So is a tick that
    takes longer than `longest`. With `wait_for_slow`, a tick ends when everything it started has ended.
    """

    def __init__(self, longest: timedelta | None = None, *, wait_for_slow: bool = False) -> None:
        self.sessions: TaskPool[tuple[list[str], list[str]]] = TaskPool(wait_for_slow=wait_for_slow)
        self.roles: TaskPool[tuple[int, int]] = TaskPool(wait_for_slow=wait_for_slow)
        self.members: TaskPool[int] = TaskPool(wait_for_slow=wait_for_slow)
        self.notifications: TaskPool[list[bool | None]] = TaskPool(wait_for_slow=wait_for_slow)
        self.payments: TaskPool[bool] = TaskPool(wait_for_slow=wait_for_slow)
        self.waiting_list: TaskPool[bool] = TaskPool(wait_for_slow=wait_for_slow)
        self.workshops: TaskPool[bool] = TaskPool(wait_for_slow=wait_for_slow)
        self.time_off: TaskPool[bool] = TaskPool(wait_for_slow=wait_for_slow)
        self.series: TaskPool[bool] = TaskPool(wait_for_slow=wait_for_slow)
        self.lessons: TaskPool[bool] = TaskPool(wait_for_slow=wait_for_slow)
        self.sweeps: TaskPool[None] = TaskPool(wait_for_slow=wait_for_slow)
        self._pools = (
            self.sessions,
            self.roles,
            self.members,
            self.notifications,
            self.payments,
            self.waiting_list,
            self.workshops,
            self.time_off,
            self.series,
            self.lessons,
            self.sweeps,
        )
        self._longest = longest
        self._lock = AsyncExitStack()
        self._held: LockHolder | None = None
        self._holders = 0
        self._waiting: asyncio.Task[None] | None = None
        self._ticks: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def tick(self, db: Database) -> AsyncIterator[bool]:
        """Yield whether this process may run a tick now. Keeps the lock until its work ends. Raises CutShort."""
        if not self._holders:
            await self._take(db)
        if self._held is None or self._held.lost.done():
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
            why = "they lost their lock" if self._held.lost.done() else "they took too long"
            raise CutShort(f"the background checks were cut short: {why}") from None
        finally:
            self._ticks.discard(limit)
            if self._waiting is None and any(pool.under_way for pool in self._pools):
                self._holders += 1
                self._waiting = asyncio.get_running_loop().create_task(self._hold_until_done())
            await self._release()

    async def _take(self, db: Database) -> None:
        self._held = await self._lock.enter_async_context(db.locks.tick_lock())
        if self._held is None:
            await self._lock.aclose()
        else:
            self._held.lost.add_done_callback(self._lost)

    def _lost(self, _lock: asyncio.Future[None]) -> None:
        self.give_up()

    def give_up(self) -> None:
        """Cancel everything at once, however far it's got. It can safely be done again."""
        for limit in self._ticks:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())
        for pool in self._pools:
            pool.cancel()

    async def rest(self) -> None:
        """Wait until all work has ended."""
        for pool in self._pools:
            await pool.rest()
        if self._waiting is not None:
            await asyncio.wait({self._waiting})

    async def _hold_until_done(self) -> None:
        try:
            for pool in self._pools:
                await pool.rest()
        finally:
            self._waiting = None
            await self._release()

    async def _release(self) -> None:
        self._holders -= 1
        if not self._holders:
            if self._held is not None:
                self._held.lost.remove_done_callback(self._lost)
            await self._lock.aclose()
