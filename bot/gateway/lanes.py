"""Runs work in lanes: in order within a lane, each step retried until it succeeds."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from bot.causes import cause

log = logging.getLogger(__name__)

Step = Callable[[], Awaitable[bool]]
"""Does one thing, and returns whether there's more to do."""

LANE = "lane: "
"""Prefix of the lane's task name."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=0.5), timedelta(seconds=15)
_HANGING = timedelta(seconds=10)
_STOP_TIMEOUT = timedelta(seconds=2)


@dataclass(slots=True)
class _Lane:
    begun_at: float
    """When the current attempt began or the next one is planned, in the event loop's time."""
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    failure: str | None = None
    is_pausing: bool = False


class Lanes:
    """Runs steps. A failing lane doesn't hold up the others."""

    def __init__(self) -> None:
        self._lanes: dict[Hashable, _Lane] = {}
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._stopping = False

    @property
    def trouble(self) -> str | None:
        """The error of a failing lane, or that one hangs; None if all is well."""
        for lane in self._lanes.values():
            if lane.failure is not None:
                return lane.failure
            if asyncio.get_running_loop().time() - lane.begun_at > _HANGING.total_seconds():
                return "no answer"
        return None

    def run(self, key: Hashable, step: Step) -> None:
        """Call `step` until it has nothing left to do. A running lane picks up new work by itself."""
        if key not in self._tasks and not self._stopping:
            loop = asyncio.get_running_loop()
            lane = self._lanes[key] = _Lane(loop.time())
            self._tasks[key] = loop.create_task(self._work(key, lane, step), name=f"{LANE}{key}")

    async def wait_until_tried(self, within: timedelta) -> None:
        """Wait until each running lane has ended or failed once, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                for lane in list(self._lanes.values()):
                    await lane.tried.wait()

    async def stop(self) -> None:
        """Finish the current steps and give up the rest, which the next start has to find."""
        self._stopping = True
        tasks = set(self._tasks.values())
        for key, lane in self._lanes.items():
            if lane.is_pausing:
                self._tasks[key].cancel()
        if not tasks:
            return
        _, hanging = await asyncio.wait(tasks, timeout=_STOP_TIMEOUT.total_seconds())
        for task in hanging:
            task.cancel()
        if hanging:
            log.warning("%s lanes did not stop in time", len(hanging))
            await asyncio.wait(hanging, timeout=_STOP_TIMEOUT.total_seconds())

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
        finally:  # nothing is awaited after the last step, so no new work can slip in
            lane.tried.set()
            del self._lanes[key], self._tasks[key]


async def _attempt(key: Hashable, lane: _Lane, step: Step) -> bool:
    """Try a step once. Returns whether there's more to do. Logs only the first of several equal failures."""
    try:
        more = await step()
    except (SQLAlchemyError, OSError) as error:
        if lane.failure != (failure := type(error).__name__):
            log.warning("%s failed and will be retried: %s", key, cause(error))
    except Exception as error:
        if lane.failure != (failure := type(error).__name__):
            log.exception("%s failed and will be retried", key)
    else:
        if lane.failure is not None:
            log.info("%s works again", key)
        lane.failure = None
        return more
    lane.failure = failure
    return True
