"""The heartbeat: a tick advances sessions, brings roles in line and delivers notices. APScheduler runs it."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import exists, func, or_, select, update

from models import Coach, CoachingSession, Heartbeat, JobRun, Notice
from models.database import Database
from scheduler.advance import advance_due
from scheduler.applications import sync_roles
from scheduler.clock import Clock
from scheduler.notices import deliver_due
from scheduler.ports import Discord
from scheduler.presence import check_due

log = logging.getLogger(__name__)

_JOB = "tick"


@dataclass(slots=True)
class TickReport:
    """What one tick did."""

    steps: list[str] = field(default_factory=list)
    """Session code and step."""
    roles: int = 0
    notices: int = 0
    failures: list[str] = field(default_factory=list)
    """What failed and is going to be tried again."""
    failed_quietly: int = 0
    """Other failures that are going to be tried again; they stand on their rows and in the log."""

    @property
    def failure_count(self) -> int:
        """All failures."""
        return len(self.failures) + self.failed_quietly

    @property
    def did_something(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.steps or self.roles or self.notices or self.failure_count)


async def tick(db: Database, discord: Discord, clock: Clock) -> TickReport | None:
    """Do all that is due now. None if another process is doing it at this moment."""
    async with db.tick_lock() as ours:
        if not ours:
            return None
        started_at = clock()
        report = TickReport()
        if await _anything_due(db, started_at):
            report.steps, report.failures = await advance_due(db, discord, clock)
            report.roles, failed_roles = await sync_roles(db, discord, clock)
            failed_looks = await check_due(db, discord, clock)
            report.notices, failed_notices = await deliver_due(db, discord, clock)
            report.failed_quietly = failed_roles + failed_looks + failed_notices
        await _record(db, report, started_at, clock())
        return report


_NOTICED = (CoachingSession.next_step_at, Coach.role_due_at, Notice.due_at)
"""Where it stands what is to be done when, of what people notice; each has a partial index."""
_DUE = (*_NOTICED, Coach.presence_due_at)
"""And of all there is to do."""


async def _anything_due(db: Database, now: datetime) -> bool:
    """One query over four partial indexes: an idle tick costs this and the heartbeat."""
    async with db.read() as session:
        return bool(await session.scalar(select(or_(*(exists().where(column <= now) for column in _DUE)))))


async def next_due(db: Database) -> datetime | None:
    """The instant (UTC) from which a tick does something that people notice; None if nothing is ahead."""
    async with db.read() as session:
        instants = [
            await session.scalar(select(func.min(column)).where(column.is_not(None))) for column in _NOTICED
        ]
    return min((at for at in instants if at is not None), default=None)


async def _record(db: Database, report: TickReport, started_at: datetime, now: datetime) -> None:
    async with db.begin() as session:
        beat = update(Heartbeat).where(Heartbeat.job == _JOB).values(at=now).returning(Heartbeat.job)
        if await session.scalar(beat) is None:
            session.add(Heartbeat(job=_JOB, at=now))
        if report.did_something:
            session.add(
                JobRun(
                    started_at=started_at,
                    finished_at=now,
                    steps=len(report.steps),
                    roles=report.roles,
                    notices=report.notices,
                    failures=report.failure_count,
                )
            )


class Loop:
    """Runs a tick every `interval`, and at once when something has just become due."""

    def __init__(self, db: Database, discord: Discord, clock: Clock, interval: timedelta) -> None:
        self._db, self._discord, self._clock, self._interval = db, discord, clock, interval
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._ticking = asyncio.Lock()
        self._once_more = False
        self._stopping = False

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

    def wake(self) -> None:
        """Something became due: tick now, or once more if a tick is running."""
        if self._ticking.locked():
            self._once_more = True
        elif self._scheduler.running and not self._stopping:
            self._scheduler.modify_job(_JOB, next_run_time=self._clock())

    async def stop(self) -> None:
        """Let the tick in progress end, then stop for good."""
        self._stopping = True
        if not self._scheduler.running:
            return
        self._scheduler.pause()
        async with self._ticking:
            self._scheduler.shutdown(wait=False)

    async def _run(self) -> None:
        async with self._ticking:
            self._once_more = True
            while self._once_more and not self._stopping:
                self._once_more = False
                try:
                    report = await tick(self._db, self._discord, self._clock)
                except Exception:  # a wake-up that came meanwhile is not lost, and the next round tries again
                    log.exception("a tick failed")
                    continue
                if report is not None and report.did_something:
                    log.info(
                        "tick: %s steps, %s roles, %s notices, %s failures",
                        len(report.steps),
                        report.roles,
                        report.notices,
                        report.failure_count,
                    )
