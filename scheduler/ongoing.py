"""What the ticks of one process have begun, and the lock that keeps other processes from it meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from models.database import Database
from scheduler.side_by_side import SideBySide


class Ongoing:
    """What takes long outlives its tick, so that the next one is on time."""

    def __init__(self) -> None:
        self.sessions: SideBySide[tuple[list[str], list[str]]] = SideBySide()
        self.roles: SideBySide[tuple[int, int]] = SideBySide()
        self.looks: SideBySide[int] = SideBySide()
        self.notices: SideBySide[list[bool | None]] = SideBySide()
        self.sweeps: SideBySide[None] = SideBySide()
        self._sorts: list[SideBySide[Any]] = [self.sessions, self.roles, self.looks, self.notices, self.sweeps]
        self._lock = AsyncExitStack()
        self._holders = 0
        self._keeper: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def tick(self, db: Database) -> AsyncIterator[bool]:
        """Whether this process may run a tick now. The lock is kept for as long as anything goes on."""
        if not self._holders and not await self._lock.enter_async_context(db.tick_lock()):
            await self._lock.aclose()
            yield False
            return
        self._holders += 1
        try:
            yield True
        finally:
            if self._keeper is None and any(one.under_way for one in self._sorts):
                self._holders += 1
                self._keeper = asyncio.get_running_loop().create_task(self._keep())
            await self._leave()

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
            await self._lock.aclose()
