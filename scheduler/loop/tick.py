"""One run of the loop: advances sessions, syncs roles, checks who has left, delivers notifications."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, select, true
from sqlalchemy.orm import InstrumentedAttribute

from models import (
    Coach,
    CoachingSession,
    CreditLot,
    FreedTime,
    Guild,
    Hold,
    JobRun,
    Lesson,
    Notification,
    Offer,
    Participant,
    Payment,
    Refund,
    Series,
    Substitution,
    UTCDateTime,
    Wish,
    Workshop,
)
from models.job_run import TICK
from models.storage.database import Database
from scheduler.attendance.attendance import Unwatched, beat
from scheduler.booking.membership_checks import check_due
from scheduler.coaches.coach_role import sync_roles
from scheduler.core.clock import Clock
from scheduler.core.task_pool import TaskPool
from scheduler.credits import expiry, lessons
from scheduler.loop.background import BackgroundWork
from scheduler.loop.ports import Discord
from scheduler.loop.session_steps import advance_due
from scheduler.notifications.delivery import deliver_due
from scheduler.payments import due as payments
from scheduler.payments import ways
from scheduler.payments.ports import Stripe
from scheduler.series import due as series
from scheduler.time_off import due as time_off
from scheduler.waiting_list import due as waiting_list
from scheduler.workshops import deadlines as workshops


@dataclass(slots=True)
class TickReport:
    """What one tick did."""

    trigger: str = "manual"
    due: int = 0
    """Sessions and notifications that were due at the start."""
    more: bool = False
    """Whether notifications were left for the next tick, so that nobody is flooded."""
    next_due_at: datetime | None = None
    """When the next thing is due (UTC), which may have passed during the tick."""
    steps: list[str] = field(default_factory=list)
    """Session code and step."""
    roles: int = 0
    notifications: int = 0
    failures: list[str] = field(default_factory=list)
    """What failed and will be retried."""
    failed_quietly: int = 0
    """How much else failed and will be retried; details are on its rows and in the log."""
    lasted: timedelta = timedelta(0)
    late: timedelta = timedelta(0)
    """How long the first thing had been due at the start."""

    @property
    def failure_count(self) -> int:
        """How much failed in all."""
        return len(self.failures) + self.failed_quietly

    @property
    def did_something(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.steps or self.roles or self.notifications or self.failure_count)


async def tick(
    db: Database,
    discord: Discord,
    clock: Clock,
    background: BackgroundWork,
    *,
    trigger: str = "manual",
    unwatched: Unwatched = lambda: None,
    stripe: Stripe | None = None,
) -> TickReport | None:
    """Do everything that's due now. Returns None if another process is doing it.

    Slow work is left in `background`, like that of earlier ticks. `unwatched` is called at the end: servers that
    it doesn't name have been watched since the last tick, or their gaps are recorded.
    """
    async with background.tick(db) as ours:
        if not ours:
            return None
        started_at = clock()
        report = TickReport(trigger)
        columns = (*_DUE, *(_AT_STRIPE if stripe is not None else ()))
        instants = await _instants(db, columns)
        due_at = _first(instants)
        if due_at is not None and due_at <= started_at:
            report.late = started_at - due_at
            report.due = await _count_due(db, started_at)
            work = _Work(db, discord, clock, report, background, stripe)
            await _do_all(db, clock, instants, work.stages())
            # For what was due and still is, because it failed or isn't done, the interval is soon enough; for
            # what became due meanwhile, it isn't.
            due_at = _first(await _instants(db, columns, after=started_at))
        report.next_due_at = due_at
        ended_at = clock()
        report.lasted = ended_at - started_at
        await _record(db, report, started_at, ended_at, unwatched())
        return report


_Column = InstrumentedAttribute[datetime | None]
_Instants = Mapping[_Column, datetime | None]
"""For each column, the earliest instant at which something is due."""


class _Stage(NamedTuple):
    """A part of a tick."""

    columns: tuple[_Column, ...]
    """When it has something to do."""
    work: Callable[[], Awaitable[None]]
    pool: TaskPool[Any] | None = None
    """Where its slow work continues, and what that did is counted by a later tick."""

    def is_due(self, instants: _Instants, now: datetime) -> bool:
        return any((at := instants.get(column)) is not None and at <= now for column in self.columns) or (
            self.pool is not None and self.pool.has_news
        )


async def _do_all(db: Database, clock: Clock, instants: _Instants, stages: Sequence[_Stage]) -> None:
    """Do what's due, stage by stage. What one makes due, a later one does at once."""
    is_outdated = False
    for stage in stages:
        if is_outdated:
            instants = await _instants(db, tuple(instants))
        if is_outdated := stage.is_due(instants, clock()):
            await stage.work()


@dataclass(frozen=True, slots=True)
class _Work:
    """What a tick may have to do. Each part reports what it did."""

    db: Database
    discord: Discord
    clock: Clock
    report: TickReport
    background: BackgroundWork
    stripe: Stripe | None

    def stages(self) -> list[_Stage]:
        """List the parts of a tick in their order."""
        pools = self.background
        return [
            _Stage((CoachingSession.next_step_at,), self._advance_sessions, pools.sessions),
            _Stage((Coach.role_due_at,), self._give_roles, pools.roles),
            _Stage(_MEMBERSHIP, self._check_members, pools.members),
            _Stage(_AT_STRIPE, self._ask_stripe, pools.payments),
            _Stage((CreditLot.next_step_at,), self._end_credit),
            _Stage((Lesson.pay_step_at,), self._see_to_lessons, pools.lessons),
            _Stage(_TIME_OFF, self._see_to_time_off, pools.time_off),
            _Stage((Series.next_step_at,), self._advance_series, pools.series),
            _Stage((Hold.next_step_at, *_WAITING), self._offer_times, pools.waiting_list),
            _Stage((Workshop.next_step_at,), self._advance_workshops, pools.workshops),
            _Stage((Notification.due_at,), self._deliver, pools.notifications),
        ]

    async def _advance_sessions(self) -> None:
        steps, failures = await advance_due(self.db, self.discord, self.clock, self.background.sessions)
        self.report.steps, self.report.failures = steps, failures

    async def _give_roles(self) -> None:
        job = partial(sync_roles, self.db, self.discord, self.clock)
        for done, failed in await self.background.roles.work({"": job}):
            self.report.roles += done
            self.report.failed_quietly += failed

    async def _check_members(self) -> None:
        job = partial(check_due, self.db, self.discord, self.clock)
        self.report.failed_quietly += sum(await self.background.members.work({"": job}))

    async def _ask_stripe(self) -> None:
        if self.stripe is not None:
            pool = self.background.payments
            self.report.failed_quietly += await payments.do_due(self.db, self.stripe, self.clock, pool)

    async def _end_credit(self) -> None:
        await expiry.do_due(self.db, self.clock)

    async def _see_to_lessons(self) -> None:
        pool, has_cards = self.background.lessons, self.stripe is not None
        self.report.failed_quietly += await lessons.do_due(self.db, self.clock, pool, has_cards=has_cards)

    async def _see_to_time_off(self) -> None:
        self.report.failed_quietly += await time_off.do_due(self.db, self.clock, self.background.time_off)

    async def _advance_series(self) -> None:
        self.report.failed_quietly += await series.do_due(self.db, self.clock, self.background.series)

    async def _offer_times(self) -> None:
        pool, can_pay = self.background.waiting_list, partial(ways.can_pay, self.stripe)
        failed = await waiting_list.do_due(self.db, self.discord, self.clock, pool, can_pay)
        self.report.failed_quietly += failed

    async def _advance_workshops(self) -> None:
        failed = await workshops.do_due(self.db, self.discord, self.clock, self.background.workshops)
        self.report.failed_quietly += failed

    async def _deliver(self) -> None:
        delivered = await deliver_due(self.db, self.discord, self.clock, self.background.notifications)
        self.report.notifications, self.report.more = delivered.sent, delivered.more
        self.report.failed_quietly += delivered.failed


_WAITING = (FreedTime.next_step_at, Offer.next_step_at, Wish.next_step_at)
"""When the waiting list has something to do."""
_VISIBLE = (
    CoachingSession.next_step_at,
    Coach.role_due_at,
    Notification.due_at,
    CreditLot.next_step_at,
    Lesson.pay_step_at,
    *_WAITING,
    Workshop.next_step_at,
    Series.next_step_at,
)
"""When something is due that people notice; each column has a partial index."""
_MEMBERSHIP = (Coach.membership_due_at, Participant.membership_due_at)
"""When somebody is asked about."""
_TIME_OFF = (Guild.holidays_due_at, Substitution.next_step_at)
"""When time off has something to do."""
_DUE = (*_VISIBLE, Hold.next_step_at, *_TIME_OFF, *_MEMBERSHIP)
"""When anything is due."""
_AT_STRIPE = (Payment.next_check_at, Refund.next_try_at)
"""When Stripe is asked something."""


async def _instants(
    db: Database, columns: Sequence[_Column], *, after: datetime | None = None
) -> dict[_Column, datetime | None]:
    """Ask when something is first due, with one query over partial indexes; an idle tick needs only this one."""
    async with db.read() as session:
        query = _first_of(tuple(columns), is_later=after is not None)
        return dict(zip(columns, (await session.execute(query, {"after": after})).one(), strict=True))


def _first(instants: _Instants) -> datetime | None:
    return min((at for at in instants.values() if at is not None), default=None)


@cache
def _first_of(columns: Sequence[_Column], *, is_later: bool) -> Select[Any]:
    """Build the query once: on an idle tick, that took longer than running it."""
    after = bindparam("after", type_=UTCDateTime())
    return select(
        *(
            select(func.min(column, type_=UTCDateTime()))
            .where(column.is_not(None), column > after if is_later else true())
            .scalar_subquery()
            for column in columns
        )
    )


async def _count_due(db: Database, now: datetime) -> int:
    async with db.read() as session:
        return sum((await session.execute(_counts(), {"now": now})).one())


@cache
def _counts() -> Select[Any]:
    now = bindparam("now", type_=UTCDateTime())
    counts: list[ColumnElement[Any]] = [
        select(func.count()).where(column.is_not(None), column <= now).scalar_subquery()
        for column in (CoachingSession.next_step_at, Notification.due_at)
    ]
    return select(*counts)


async def next_due(db: Database) -> datetime | None:
    """Return when (UTC) a tick will next do something that people notice; None if nothing is planned."""
    return _first(await _instants(db, _VISIBLE))


async def _record(
    db: Database, report: TickReport, started_at: datetime, now: datetime, unwatched: Mapping[int, datetime] | None
) -> None:
    async with db.begin() as session:
        await beat(session, TICK, unwatched, now)
        if report.did_something:
            session.add(
                JobRun(
                    started_at=started_at,
                    finished_at=now,
                    trigger=report.trigger,
                    due=report.due,
                    steps=len(report.steps),
                    roles=report.roles,
                    notifications=report.notifications,
                    failures=report.failure_count,
                )
            )
