"""Several pieces of work at the same time, of which a slow one keeps no other waiting."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Hashable, Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar

AT_ONCE = 8
SLOW = timedelta(seconds=2)
"""What takes longer steps aside, so that something else may begin in its place."""

T = TypeVar("T")
Jobs = Mapping[Hashable, Callable[[], Coroutine[Any, Any, T]]]


class TaskPool(Generic[T]):
    """Work of one sort. What is under way is not begun again; what is slow goes on by itself.

    With `wait_for_slow`, nothing does: `work` returns when everything has ended.
    """

    def __init__(self, *, wait_for_slow: bool = False) -> None:
        self._wait_for_slow = wait_for_slow
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}
        self._ended: list[asyncio.Task[T]] = []

    @property
    def under_way(self) -> Collection[Hashable]:
        """The keys of what has not ended yet."""
        return self._under_way.keys()

    async def work(self, jobs: Jobs[T]) -> list[T]:
        """Do these, until each has ended or turned out to be slow; the outcomes of all that ended since last time.

        What a job raises is raised here, once the others have had their turn; what several raise, as a group. The
        outcomes of the others are not lost by it: they come next time.
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
            raise BaseExceptionGroup("several pieces of work failed", errors)
        return [task.result() for task in ended]

    async def rest(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way.values())

    def give_up(self) -> None:
        """End at once what is under way; nobody hears of it."""
        for task in self._under_way.values():
            task.cancel()

    def _begin(self, key: Hashable, job: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        task = self._under_way[key] = asyncio.get_running_loop().create_task(job())

        def end(_: asyncio.Task[T]) -> None:
            del self._under_way[key]
            self._ended.append(task)
            if not task.cancelled():
                task.exception()  # it is raised by the next `work`: nobody has to say until then that it was not

        task.add_done_callback(end)
        return task
