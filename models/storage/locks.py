"""The locks by which one process runs the bot and one ticks: taken, watched over, lost, and taken again."""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

RUN, TICK = "run", "tick"
LOOK_EVERY = timedelta(seconds=5)
"""How often the holder asks whether it still has its lock: it has to know well before a server gives the lock of a
connection that has gone silent to somebody else."""
AGAIN = timedelta(seconds=1)
"""How often a lock that was lost is tried for."""
UNREACHABLE = (OSError, SQLAlchemyError)


class LockHolder(ABC):
    """A lock that this process has. `lost` is done as soon as it is known that it has it no more."""

    def __init__(self, lost: asyncio.Future[None] | None = None) -> None:
        self.lost = lost or asyncio.get_running_loop().create_future()

    def lose(self) -> None:
        """It is gone."""
        if not self.lost.done():
            self.lost.set_result(None)

    @abstractmethod
    async def look(self) -> None:
        """See whether it is still there."""

    @abstractmethod
    async def let_go(self) -> None:
        """Give it back, if it is still there."""


class Locks(ABC):
    """Both locks of one database. They die with their process."""

    def __init__(self) -> None:
        self._run: LockHolder | None = None

    @abstractmethod
    async def grasp(self, name: str) -> LockHolder | None:
        """Take a lock; None if another has it. Nobody waits. Raises one of UNREACHABLE."""

    @abstractmethod
    async def grasp_again(self, old: LockHolder) -> LockHolder | None:
        """Take the run lock, which was lost. Raises one of UNREACHABLE, also if that is to be tried again."""

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[bool]:
        """Whether this process may be the one that runs the bot."""
        grip = await self.grasp(RUN)
        if grip is None:
            yield False
            return
        self._run = grip
        try:
            yield True
        finally:
            grip, self._run = self._run, None
            await grip.let_go()

    async def keep_run(self) -> None:
        """Watch over the run lock and take it again when it is lost, until another process has it."""
        assert self._run is not None, "it was taken"
        while True:
            while not self._run.lost.done():
                await asyncio.wait({self._run.lost}, timeout=LOOK_EVERY.total_seconds())
                await self._run.look()
            log.warning("lost the lock that keeps other bots off this database; no ticks until it's back")
            if not await self._back():
                return
            log.info("the lock is back")

    async def _back(self) -> bool:
        """Try until the lock is ours again, or somebody else's."""
        assert self._run is not None, "it was taken"
        while True:
            with contextlib.suppress(*UNREACHABLE):
                grip = await self.grasp_again(self._run)
                if grip is not None:
                    self._run = grip
                return grip is not None
            await asyncio.sleep(AGAIN.total_seconds())

    @contextlib.asynccontextmanager
    async def tick(self) -> AsyncIterator[LockHolder | None]:
        """The right to tick, unless another process has it, or this one has lost the lock by which it runs.

        It is lost together with that lock.
        """
        if self._run is not None and self._run.lost.done():
            yield None
            return
        grip = await self.grasp(TICK)
        if grip is None:
            yield None
            return
        try:
            yield grip
        finally:
            await grip.let_go()
