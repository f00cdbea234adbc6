"""The heartbeat: APScheduler runs a tick at regular intervals and at the instant when the next thing is due."""

import asyncio
import logging
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from models.job_run import TICK
from models.storage.database import Database
from scheduler.attendance.attendance import Unwatched
from scheduler.core.clock import Clock
from scheduler.loop.background import BackgroundWork, CutShort
from scheduler.loop.ports import Discord
from scheduler.loop.tick import TickReport, tick
from scheduler.rooms.reconciliation import EVERY, sweep
from scheduler.servers import bot_membership

log = logging.getLogger(__name__)

_BREATH = timedelta(seconds=2)
"""Between two rounds of direct messages."""
_LONGEST = timedelta(minutes=5)
"""The longest a tick may take. Slow work is moved out of it long before."""
_TO_END = timedelta(seconds=15)
"""For work that is under way when the process stops."""
_QUIET_INTERVALS = 8
"""So many intervals without a tick coming to its end are worth a word in the log."""


class NotTicking(Exception):
    """No tick was done: the loop does not run, or the log says what failed."""


class Loop:
    """Runs a tick every `interval`, and at once when something becomes due or has just become due.

    `unwatched` is asked at each tick: see `attendance.Unwatched`.
    """

    def __init__(
        self,
        db: Database,
        discord: Discord,
        clock: Clock,
        interval: timedelta,
        unwatched: Unwatched = lambda: None,
    ) -> None:
        self._db, self._discord, self._clock, self._interval = db, discord, clock, interval
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
        """Begin, with a tick now: what became due while nothing ran is done first. Does nothing once stopped."""
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
        """Something became due: tick now, or once more if a tick is running."""
        if self._ticking.locked():
            self._once_more = True
        elif self.is_running:
            self._trigger = "wake"
            self._scheduler.modify_job(TICK, next_run_time=self._clock())

    async def run_now(self) -> TickReport | None:
        """The next tick to begin, at once, shared by all who ask before it does; as `tick`. Raises NotTicking."""
        if not self.is_running:
            raise NotTicking
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
            self.wake()
        return await asyncio.shield(self._asked)  # one who goes away takes it from nobody else

    def sweep_soon(self) -> None:
        """Much may have happened unseen: hold rooms against rows at once."""
        self._swept_at = None
        self._to_sweep_again = True  # also if it is going on
        self.wake()

    async def stop(self) -> None:
        """Let the tick in progress end, then stop for good. Slow work is dropped and redone later."""
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
                    await self._sweep_if_due()
                    report = await tick(
                        self._db,
                        self._discord,
                        self._clock,
                        self._background,
                        trigger="request" if asked else trigger,
                        unwatched=self._unwatched,
                    )
                # A wake-up that came meanwhile is not lost, and the next round tries again.
                except Exception as failure:  # noqa: BLE001  (it is logged)
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

    async def _sweep_if_due(self) -> None:
        """At the start and every hour, rooms are held against rows; a slow answer keeps no tick waiting."""
        now = self._clock()
        if self._swept_at is not None and self._swept_at <= now < self._swept_at + EVERY:
            await self._background.sweeps.work({})
            return
        async with self._background.tick(self._db) as ours:
            await self._background.sweeps.work({"": self._sweep} if ours else {})

    async def _sweep(self) -> None:
        begun_at, self._to_sweep_again = self._clock(), False
        await bot_membership.compare(self._db, self._discord, self._clock)
        await sweep(self._db, self._discord, self._clock)
        self._swept_at = None if self._to_sweep_again else begun_at

    def _plan_wake(self, report: TickReport) -> None:
        """Run again when the next thing is due, if that is before the interval is over."""
        now = self._clock()
        if report.more:
            at = now + _BREATH
        elif report.next_due_at is not None:
            at = report.next_due_at
        else:
            return
        if at <= now:  # for APScheduler this run has not ended, and it would leave out another
            self._once_more = True
            return
        if at < now + self._interval and self.is_running:
            self._trigger = "due"
            self._scheduler.modify_job(TICK, next_run_time=at)

    async def _watch(self) -> None:
        """Notice what no timer of the scheduler can: a tick that hangs, and a clock that was put back.

        Timers run on the monotonic clock, the scheduler's plan on the wall clock: put back by an hour, it would
        wait for an hour.
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
    if isinstance(failure, CutShort):  # nothing is wrong with the tick itself
        log.warning("%s", failure)
    else:
        log.error("a tick failed", exc_info=failure)


def _log(report: TickReport) -> None:
    if report.did_something:
        log.info(
            "tick (%s): %s steps, %s roles, %s notifications, %s failures",
            report.trigger,
            len(report.steps),
            report.roles,
            report.notifications,
            report.failure_count,
        )
