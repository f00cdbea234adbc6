"""Running jobs concurrently without letting slow ones hold up the others."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Hashable, Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

AT_ONCE = 8
SLOW = timedelta(seconds=2)
"""A job that takes longer continues in the background, and the next one starts."""

T = TypeVar("T")
Job = Callable[[], Coroutine[Any, Any, T]]
Jobs = Mapping[Hashable, Job[T]]


class TaskPool(Generic[T]):
    """Runs jobs by key. A job that's still running isn't started again, and slow ones continue in the background.

    With `wait_for_slow`, `work` returns only when every job has ended.
    """

    def __init__(self, *, wait_for_slow: bool = False) -> None:
        self._wait_for_slow = wait_for_slow
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}
        self._ended: list[asyncio.Task[T]] = []

    @property
    def under_way(self) -> Collection[Hashable]:
        """The keys of running jobs."""
        return self._under_way.keys()

    @property
    def has_news(self) -> bool:
        """Whether jobs are running or have ended since the last `work`."""
        return bool(self._under_way or self._ended)

    async def work(self, jobs: Jobs[T]) -> list[T]:
        """Run these jobs until each has ended or is slow. Returns the results since the last call.

        A job's error is raised here once the others have run; several are raised as a group. The others' results
        are then returned by the next call.
        """
        waiting = deque((key, job) for key, job in jobs.items() if key not in self._under_way)

        async def lane() -> None:
            while waiting:
                task = self._begin(*waiting.popleft())
                try:
                    await asyncio.wait({task}, timeout=SLOW.total_seconds())
                except asyncio.CancelledError:
                    task.cancel()
                    raise

        await asyncio.gather(*(lane() for _ in range(min(AT_ONCE, len(waiting)))))
        if self._wait_for_slow:
            await self.rest()
        ended = [task for task in self._ended if not task.cancelled()]
        errors = [error for task in ended if (error := task.exception()) is not None]
        self._ended = [task for task in ended if task.exception() is None] if errors else []
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup("several jobs failed", errors)
        return [task.result() for task in ended]

    async def rest(self) -> None:
        """Wait for all running jobs."""
        while self._under_way:
            await asyncio.wait(self._under_way.values())

    def cancel(self) -> None:
        """Cancel all running jobs and drop their results."""
        for task in self._under_way.values():
            task.cancel()

    def _begin(self, key: Hashable, job: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        task = self._under_way[key] = asyncio.get_running_loop().create_task(job())

        def end(_: asyncio.Task[T]) -> None:
            del self._under_way[key]
            self._ended.append(task)
            if not task.cancelled():
                task.exception()  # marks it as retrieved: the next `work` raises it

        task.add_done_callback(end)
        return task


async def attempt(what: str, work: Callable[[], Awaitable[bool | None]]) -> bool:
    """Do one of several things that are due, and return whether that worked: the others don't depend on it.

    An error is logged and counts as a failure, to be tried again, and so does a returned False.
    """
    try:
        return await work() is not False
    except Exception:
        log.exception("%s failed", what)
        return False
