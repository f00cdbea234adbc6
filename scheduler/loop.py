"""The heartbeat: a tick advances sessions, brings roles in line and delivers notices.

APScheduler runs it at regular intervals and at the instant when the next thing is due.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from models import Coach, CoachingSession, Heartbeat, JobRun, Notice, UTCDateTime
from models.database import Database
from scheduler.advance import advance_due
from scheduler.applications import sync_roles
from scheduler.attendance import WATCH
from scheduler.clock import Clock
from scheduler.delivery import deliver_due
from scheduler.ongoing import Ongoing
from scheduler.ports import Discord
from scheduler.presence import check_due
from scheduler.side_by_side import SideBySide
from scheduler.sweep import EVERY, sweep

log = logging.getLogger(__name__)

_JOB = "tick"
_BREATH = timedelta(seconds=2)
"""Between two rounds of direct messages."""
_QUIET_INTERVALS = 8
"""So many intervals without a tick coming to its end are worth a word in the log."""


class NotTicking(Exception):
    """No tick was done: the loop does not run, or the log says what failed."""


@dataclass(slots=True)
class TickReport:
    """What one tick did."""

    trigger: str = "manual"
    due: int = 0
    """Sessions and notices that were due when it began."""
    more: bool = False
    """Whether something that was due was left for the next tick, so that nobody is flooded."""
    next_due_at: datetime | None = None
    """When the next thing is due (UTC), as far as is known after it; it may have become due during it."""
    steps: list[str] = field(default_factory=list)
    """Session code and step."""
    roles: int = 0
    notices: int = 0
    failures: list[str] = field(default_factory=list)
    """What failed and is going to be tried again."""
    failed_quietly: int = 0
    """Other failures that are going to be tried again; they stand on their rows and in the log."""
    lasted: timedelta = timedelta(0)
    late: timedelta = timedelta(0)
    """How long the first of what was due had been due when it began."""

    @property
    def failure_count(self) -> int:
        """All failures."""
        return len(self.failures) + self.failed_quietly

    @property
    def did_something(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.steps or self.roles or self.notices or self.failure_count)


async def tick(
    db: Database,
    discord: Discord,
    clock: Clock,
    *,
    trigger: str = "manual",
    watching: bool = False,
    ongoing: Ongoing | None = None,
) -> TickReport | None:
    """Do all that is due now. None if another process is doing it at this moment.

    `watching`: the gateway tells us who enters and leaves rooms, without a gap since the tick before.
    `ongoing`: what earlier ticks began; what takes long is left there, else it is waited for.
    """
    async with (ongoing or Ongoing()).tick(db) as ours:
        if not ours:
            return None
        started_at = clock()
        report = TickReport(trigger)
        due_at = await _first_due(db, _DUE)
        if due_at is not None and due_at <= started_at:
            report.late = started_at - due_at
            report.due = await _count_due(db, started_at)
            await _do_all(db, discord, clock, report, ongoing)
            # What was due before and is due still has just failed in a way that left it so, or goes on: the
            # interval is soon enough. What became due meanwhile is not.
            due_at = await _first_due(db, _DUE, after=started_at)
        report.next_due_at = due_at
        ended_at = clock()
        report.lasted = ended_at - started_at
        await _record(db, report, started_at, ended_at, watching=watching)
        return report


async def _do_all(
    db: Database, discord: Discord, clock: Clock, report: TickReport, ongoing: Ongoing | None
) -> None:
    report.steps, report.failures = await advance_due(db, discord, clock, ongoing)
    sync, look = partial(sync_roles, db, discord, clock), partial(check_due, db, discord, clock)
    roles = await (ongoing.roles.work({"": sync}) if ongoing else SideBySide().finish({"": sync}))
    looks = await (ongoing.looks.work({"": look}) if ongoing else SideBySide().finish({"": look}))
    delivered = await deliver_due(db, discord, clock, ongoing)
    report.roles = sum(done for done, _ in roles)
    report.notices, report.more = delivered.sent, delivered.more
    report.failed_quietly = sum(failed for _, failed in roles) + sum(looks) + delivered.failed


_NOTICED = (CoachingSession.next_step_at, Coach.role_due_at, Notice.due_at)
"""Where it stands what is to be done when, of what people notice; each has a partial index."""
_DUE = (*_NOTICED, Coach.presence_due_at, CoachingSession.presence_due_at)
"""And of all there is to do."""


async def _first_due(
    db: Database, columns: Sequence[InstrumentedAttribute[datetime | None]], *, after: datetime | None = None
) -> datetime | None:
    """One query over partial indexes: an idle tick costs this and the heartbeat."""
    firsts = (
        select(func.min(column, type_=UTCDateTime()))
        .where(column.is_not(None) if after is None else and_(column.is_not(None), column > after))
        .scalar_subquery()
        for column in columns
    )
    async with db.read() as session:
        instants = (await session.execute(select(*firsts))).one()
    return min((at for at in instants if at is not None), default=None)


async def _count_due(db: Database, now: datetime) -> int:
    async with db.read() as session:
        counts = [
            await session.scalar(select(func.count()).where(column.is_not(None), column <= now))
            for column in (CoachingSession.next_step_at, Notice.due_at)
        ]
    return sum(count or 0 for count in counts)


async def next_due(db: Database) -> datetime | None:
    """The instant (UTC) from which a tick does something that people notice; None if nothing is ahead."""
    return await _first_due(db, _NOTICED)


async def _record(
    db: Database, report: TickReport, started_at: datetime, now: datetime, *, watching: bool
) -> None:
    jobs = [_JOB, WATCH] if watching else [_JOB]
    async with db.begin() as session:
        beat = update(Heartbeat).where(Heartbeat.job.in_(jobs)).values(at=now).returning(Heartbeat.job)
        known = set(await session.scalars(beat))
        session.add_all(Heartbeat(job=job, at=now) for job in jobs if job not in known)
        if report.did_something:
            session.add(
                JobRun(
                    started_at=started_at,
                    finished_at=now,
                    trigger=report.trigger,
                    due=report.due,
                    steps=len(report.steps),
                    roles=report.roles,
                    notices=report.notices,
                    failures=report.failure_count,
                )
            )


class Loop:
    """Runs a tick every `interval`, and at once when something becomes due or has just become due.

    `watching` says, at each tick, whether the gateway tells us who enters and leaves rooms.
    """

    def __init__(
        self,
        db: Database,
        discord: Discord,
        clock: Clock,
        interval: timedelta,
        watching: Callable[[], bool] = lambda: False,
    ) -> None:
        self._db, self._discord, self._clock, self._interval = db, discord, clock, interval
        self._watching = watching
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._ticking = asyncio.Lock()
        self._ongoing = Ongoing()
        self._trigger = "start"
        self.last: TickReport | None = None
        self._asked: asyncio.Future[TickReport | None] | None = None
        self._once_more = False
        self._stopping = False
        self._swept_at: datetime | None = None
        self._watchdog: asyncio.Task[None] | None = None
        self._beats = 0

    def start(self) -> None:
        """Begin, with a tick now: what became due while nothing ran is done first."""
        self._scheduler.add_job(
            self._run,
            "interval",
            seconds=self._interval.total_seconds(),
            id=_JOB,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=self._clock(),
        )
        self._scheduler.start()
        self._watchdog = asyncio.get_running_loop().create_task(self._watch())

    def wake(self) -> None:
        """Something became due: tick now, or once more if a tick is running."""
        if self._ticking.locked():
            self._once_more = True
        elif self._scheduler.running and not self._stopping:
            self._trigger = "wake"
            self._scheduler.modify_job(_JOB, next_run_time=self._clock())

    async def run_now(self) -> TickReport | None:
        """The next tick to begin, at once, shared by all who ask before it does; as `tick`. Raises NotTicking."""
        if not self._scheduler.running or self._stopping:
            raise NotTicking
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
            self.wake()
        return await asyncio.shield(self._asked)  # one who goes away takes it from nobody else

    def sweep_soon(self) -> None:
        """Much may have happened unseen: hold rooms against rows at once."""
        self._swept_at = None
        self.wake()

    async def stop(self) -> None:
        """Let the tick in progress end, then stop for good."""
        self._stopping = True
        if self._watchdog is not None:
            self._watchdog.cancel()
        if not self._scheduler.running:
            return
        self._scheduler.pause()
        async with self._ticking:
            self._scheduler.shutdown(wait=False)
        if self._asked is not None:
            self._asked.set_exception(NotTicking())
        await self._ongoing.rest()

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
                        trigger="request" if asked else trigger,
                        watching=self._watching(),
                        ongoing=self._ongoing,
                    )
                except Exception:  # a wake-up that came meanwhile is not lost, and the next round tries again
                    log.exception("a tick failed")
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
        """At the start and every hour, rooms are held against rows."""
        now = self._clock()
        if self._swept_at is None or not self._swept_at <= now < self._swept_at + EVERY:
            await sweep(self._db, self._discord, self._clock)
            self._swept_at = now

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
        if at < now + self._interval and self._scheduler.running and not self._stopping:
            self._trigger = "due"
            self._scheduler.modify_job(_JOB, next_run_time=at)

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


def _log(report: TickReport) -> None:
    if report.did_something:
        log.info(
            "tick (%s): %s steps, %s roles, %s notices, %s failures",
            report.trigger,
            len(report.steps),
            report.roles,
            report.notices,
            report.failure_count,
        )
