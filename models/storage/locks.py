"""The run lock and the tick lock: how a process takes, watches, loses and retakes them."""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

RUN, TICK = "run", "tick"
CHECK_EVERY = timedelta(seconds=5)
"""How often to check a held lock: often enough to notice a loss before another process gets it."""
RETRY_EVERY = timedelta(seconds=1)
"""How often to try to retake a lost lock."""
UNREACHABLE = (OSError, SQLAlchemyError)


class LockHolder(ABC):
    """A lock this process holds. `lost` is done as soon as it's known to be lost."""

    def __init__(self, lost: asyncio.Future[None] | None = None) -> None:
        self.lost = lost or asyncio.get_running_loop().create_future()

    def mark_lost(self) -> None:
        """Mark the lock as lost."""
        if not self.lost.done():
            self.lost.set_result(None)

    @abstractmethod
    async def check(self) -> None:
        """Check that the lock is still held."""

    @abstractmethod
    async def release(self) -> None:
        """Release the lock if it's still held."""


class Locks(ABC):
    """Both locks of one database. They die with their process."""

    def __init__(self) -> None:
        self._run: LockHolder | None = None

    @abstractmethod
    async def acquire(self, name: str) -> LockHolder | None:
        """Take a lock, or return None without waiting. Raises one of UNREACHABLE."""

    @abstractmethod
    async def reacquire(self, old: LockHolder) -> LockHolder | None:
        """Retake the lost run lock. Raises one of UNREACHABLE, also if it should be tried again."""

    @abstractmethod
    async def is_bot_running(self) -> bool:
        """Whether any process holds the run lock. Takes no lock and leaves no file behind."""

    @contextlib.asynccontextmanager
    async def run_lock(self) -> AsyncIterator[bool]:
        """Take the right to run the bot without waiting. Yields whether it was free."""
        held = await self.acquire(RUN)
        if held is None:
            yield False
            return
        self._run = held
        try:
            yield True
        finally:
            held, self._run = self._run, None
            await held.release()

    async def keep_run_lock(self) -> None:
        """Inside `run_lock`: retake the lock whenever it's lost. Returns once another process has it."""
        assert self._run is not None, "inside run_lock"
        while True:
            while not self._run.lost.done():
                await asyncio.wait({self._run.lost}, timeout=CHECK_EVERY.total_seconds())
                await self._run.check()
            log.warning("lost the lock that keeps other bots off this database; no ticks until it's back")
            if not await self._regain():
                return
            log.info("the lock is back")

    async def _regain(self) -> bool:
        """Try until this process has the lock again (True) or another has it (False)."""
        assert self._run is not None, "inside run_lock"
        while True:
            with contextlib.suppress(*UNREACHABLE):
                held = await self.reacquire(self._run)
                if held is not None:
                    self._run = held
                return held is not None
            await asyncio.sleep(RETRY_EVERY.total_seconds())

    @contextlib.asynccontextmanager
    async def tick_lock(self) -> AsyncIterator[LockHolder | None]:
        """Take the right to tick without waiting. Yields None if another process has it.

        A process with the run lock gets it only while it still has that lock, and loses both together.
        """
        if self._run is not None and self._run.lost.done():
            yield None
            return
        held = await self.acquire(TICK)
        if held is None:
            yield None
            return
        try:
            yield held
        finally:
            await held.release()
