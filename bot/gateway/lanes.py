"""Work in lanes: one thing after the other in each lane, and what fails is tried again until it succeeds."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.cli.exit import cause

log = logging.getLogger(__name__)

Step = Callable[[], Awaitable[bool]]
"""Does one thing, and returns whether anything is left to do."""

LANE = "lane: "
"""Before what a lane is for, in the name of its task."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=0.5), timedelta(seconds=15)
_HANGING = timedelta(seconds=10)
_TO_END = timedelta(seconds=2)
"""How long a stop waits for what is being done."""


@dataclass(slots=True)
class _Lane:
    begun_at: float
    """When its present step began or was to be tried again, by the event loop's clock."""
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    failure: str | None = None
    """What the last try failed with."""
    is_pausing: bool = False


class Lanes:
    """Runs steps; a lane that fails keeps no other waiting."""

    def __init__(self) -> None:
        self._lanes: dict[Hashable, _Lane] = {}
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._stopping = False

    @property
    def trouble(self) -> str | None:
        """What the last try of some lane failed with, or that it hangs; None if nothing is wrong."""
        for lane in self._lanes.values():
            if lane.failure is not None:
                return lane.failure
            if asyncio.get_running_loop().time() - lane.begun_at > _HANGING.total_seconds():
                return "no answer"
        return None

    def run(self, key: Hashable, step: Step) -> None:
        """Call `step` until nothing is left to do. While the lane runs, it finds what is new by itself."""
        if key not in self._tasks and not self._stopping:
            loop = asyncio.get_running_loop()
            lane = self._lanes[key] = _Lane(loop.time())
            self._tasks[key] = loop.create_task(self._work(key, lane, step), name=f"{LANE}{key}")

    async def tried(self, within: timedelta) -> None:
        """Wait until each lane that runs now has ended or failed once, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                for lane in list(self._lanes.values()):
                    await lane.tried.wait()

    async def stop(self) -> None:
        """Finish what can be done at once, and give up the rest: the next start has to find it."""
        self._stopping = True
        tasks = set(self._tasks.values())
        for key, lane in self._lanes.items():
            if lane.is_pausing:
                self._tasks[key].cancel()
        if not tasks:
            return
        _, hanging = await asyncio.wait(tasks, timeout=_TO_END.total_seconds())
        for task in hanging:
            task.cancel()
        if hanging:
            log.warning("%s lanes did not stop in time", len(hanging))
            await asyncio.wait(hanging, timeout=_TO_END.total_seconds())

    async def _work(self, key: Hashable, lane: _Lane, step: Step) -> None:
        pause, more = _FIRST_PAUSE, True
        try:
            while more:
                lane.begun_at = asyncio.get_running_loop().time()
                more = await _attempt(key, lane, step)
                if lane.failure is None:
                    pause = _FIRST_PAUSE
                    continue
                lane.tried.set()
                if self._stopping:
                    return
                lane.is_pausing = True
                await asyncio.sleep(pause.total_seconds())
                lane.is_pausing = False
                pause = min(2 * pause, _LONGEST_PAUSE)
        finally:  # without a pause since the last step, so that nothing new can have been overlooked
            lane.tried.set()
            del self._lanes[key], self._tasks[key]


async def _attempt(key: Hashable, lane: _Lane, step: Step) -> bool:
    """Whether there is more to do; of failures in a row that are of one kind the first is logged."""
    try:
        more = await step()
    except (SQLAlchemyError, OSError) as error:
        if lane.failure != (failure := type(error).__name__):
            log.warning("%s failed and will be tried again: %s", key, cause(error))
    except Exception as error:
        if lane.failure != (failure := type(error).__name__):
            log.exception("%s failed and will be tried again", key)
    else:
        if lane.failure is not None:
            log.info("%s works again", key)
        lane.failure = None
        return more
    lane.failure = failure
    return True
