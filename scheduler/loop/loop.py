"""When ticks run: APScheduler starts one at every interval, and when the next thing is due."""

import asyncio
import logging
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from models.job_run import TICK
from models.storage.database import Database
from scheduler.attendance.attendance import Unwatched
from scheduler.core.clock import Clock
from scheduler.core.task_pool import Jobs
from scheduler.loop.background import BackgroundWork, CutShort
from scheduler.loop.ports import Discord
from scheduler.loop.tick import TickReport, tick
from scheduler.payments import elsewhere
from scheduler.payments.ports import Stripe
from scheduler.rooms.reconciliation import EVERY, sweep
from scheduler.servers import bot_membership

log = logging.getLogger(__name__)

_BREATH = timedelta(seconds=2)
"""The pause between two batches of direct messages."""
_LONGEST = timedelta(minutes=5)
"""The longest a tick may take. Slow work leaves it long before."""
_TO_END = timedelta(seconds=15)
"""How long work in progress may take when the process stops."""
_QUIET_INTERVALS = 8
"""How many intervals without a finished tick to log."""


class NotTicking(Exception):
    """There was no tick: the loop isn't running, or the log says what failed."""


class Loop:
    """Runs a tick at every `interval`, and at once when something becomes due.

    Each tick calls `unwatched`, see `attendance.Unwatched`.
    """

    def __init__(
        self,
        db: Database,
        discord: Discord,
        clock: Clock,
        interval: timedelta,
        unwatched: Unwatched = lambda: None,
        stripe: Stripe | None = None,
    ) -> None:
        self._db, self._discord, self._clock, self._interval = db, discord, clock, interval
        self._stripe = stripe
        self._unwatched = unwatched
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._ticking = asyncio.Lock()
        self._background = BackgroundWork(_LONGEST)
        self._trigger = "start"
        self.last: TickReport | None = None
        self._asked: asyncio.Future[TickReport | None] | None = None
        self._once_more = False
        self._stopping = False
        self._swept_at: datetime | None = None
        self._to_sweep_again = False
        self._watchdog: asyncio.Task[None] | None = None
        self._beats = 0

    def start(self) -> None:
        """Start, with a tick now for what became due before. Does nothing once stopped."""
        if self._stopping:
            return
        self._scheduler.add_job(
            self._run,
            "interval",
            seconds=self._interval.total_seconds(),
            id=TICK,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=self._clock(),
        )
        self._scheduler.start()
        self._watchdog = asyncio.get_running_loop().create_task(self._watch())

    @property
    def is_running(self) -> bool:
        """Whether ticks are scheduled."""
        return self._scheduler.running and not self._stopping

    def wake(self) -> None:
        """Tick now because something became due, or once more if a tick is running."""
        if self._ticking.locked():
            self._once_more = True
        elif self.is_running:
            self._trigger = "wake"
            self._scheduler.modify_job(TICK, next_run_time=self._clock())

    async def run_now(self) -> TickReport | None:
        """Run a tick at once and return its report. Requests that come before it share it. Raises NotTicking."""
        if not self.is_running:
            raise NotTicking
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
            self.wake()
        return await asyncio.shield(self._asked)  # cancelling one request mustn't cancel the others

    def sweep_soon(self) -> None:
        """Compare rooms with rows at once, because we may have missed a lot."""
        self._swept_at = None
        self._to_sweep_again = True  # in case a sweep is running
        self.wake()

    async def stop(self) -> None:
        """Let the running tick end, then stop for good. Slow work is cancelled, and redone after a restart."""
        self._stopping = True
        if self._watchdog is not None:
            self._watchdog.cancel()
        if not self._scheduler.running:
            return
        self._scheduler.pause()
        try:
            async with asyncio.timeout(_TO_END.total_seconds()):
                await self._rest()
        except TimeoutError:
            log.warning("dropping work that didn't finish within %s", _TO_END)
            self._background.give_up()
            await self._rest()
        self._scheduler.shutdown(wait=False)
        if self._asked is not None:
            self._asked.set_exception(NotTicking())

    async def _rest(self) -> None:
        async with self._ticking:
            await self._background.rest()

    async def _run(self) -> None:
        async with self._ticking:
            trigger, self._trigger = self._trigger, "interval"
            self._once_more = True
            while self._once_more and not self._stopping:
                self._once_more = False
                asked, self._asked = self._asked, None
                try:
                    report = await self._tick("request" if asked else trigger)
                # Wake-ups that came meanwhile aren't lost, and the next tick tries again.
                except Exception as failure:  # noqa: BLE001  (it's logged)
                    _log_failure(failure)
                    if asked is not None:
                        asked.set_exception(NotTicking())
                    continue
                self._beats += 1
                if asked is not None:
                    asked.set_result(report)
                if report is not None:
                    self.last = report
                    _log(report)
                    self._plan_wake(report)

    async def _tick(self, trigger: str) -> TickReport | None:
        await self._sweep_if_due()
        background, unwatched = self._background, self._unwatched
        what = self._db, self._discord, self._clock, background
        return await tick(*what, trigger=trigger, unwatched=unwatched, stripe=self._stripe)

    async def _sweep_if_due(self) -> None:
        """Compare rooms with rows at the start and every hour, without making ticks wait for a slow answer."""
        now = self._clock()
        if self._swept_at is not None and self._swept_at <= now < self._swept_at + EVERY:
            await self._background.sweeps.work({})
            return
        async with self._background.tick(self._db) as ours:
            jobs: Jobs[None] = {"rooms": self._sweep, "payments": self._look_at_stripe} if ours else {}
            await self._background.sweeps.work(jobs)

    async def _look_at_stripe(self) -> None:
        if self._stripe is not None:
            await elsewhere.look_if_due(self._db, self._stripe, self._clock)

    async def _sweep(self) -> None:
        begun_at, self._to_sweep_again = self._clock(), False
        await bot_membership.catch_up(self._db, self._discord, self._clock)
        await sweep(self._db, self._discord, self._clock)
        self._swept_at = None if self._to_sweep_again else begun_at

    def _plan_wake(self, report: TickReport) -> None:
        """Run again when the next thing is due, if that's before the end of the interval."""
        now = self._clock()
        at = now + _BREATH if report.more else report.next_due_at
        if at is None:
            return
        if at <= now:  # to APScheduler this run hasn't ended, so it would skip another one
            self._once_more = True
            return
        if at < now + self._interval and self.is_running:
            self._trigger = "due"
            self._scheduler.modify_job(TICK, next_run_time=at)

    async def _watch(self) -> None:
        """Notice what the scheduler can't: a tick that hangs, and a clock that was put back.

        The scheduler plans by the wall clock: if that's put back by an hour, it waits for an hour.
        """
        seen, quiet = self._beats, 0
        while True:
            await asyncio.sleep(self._interval.total_seconds())
            seen, quiet = self._beats, quiet + 1 if self._beats == seen else 0
            if quiet < _QUIET_INTERVALS:
                continue
            if self._ticking.locked():
                if quiet % _QUIET_INTERVALS == 0:
                    log.error("a tick has been running for %s intervals of %s", quiet, self._interval)
            else:
                log.warning(
                    "no tick for %s intervals of %s; the clock may have been put back", quiet, self._interval
                )
                self.wake()


def _log_failure(failure: Exception) -> None:
    if isinstance(failure, CutShort):  # not the tick's own fault
        log.warning("%s", failure)
    else:
        log.error("a tick failed", exc_info=failure)


def _log(report: TickReport) -> None:
    if report.did_something:
        done = len(report.steps), report.roles, report.notifications, report.failure_count
        log.info("tick (%s): %s steps, %s roles, %s notifications, %s failures", report.trigger, *done)
