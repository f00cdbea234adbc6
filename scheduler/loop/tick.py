"""One run of the loop: advances sessions, syncs roles, checks who has left, delivers notifications."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from sqlalchemy import Select, bindparam, func, select, true
from sqlalchemy.orm import InstrumentedAttribute

from models import (
    Coach,
    CoachingSession,
    CreditLot,
    FreedTime,
    Hold,
    JobRun,
    Notification,
    Offer,
    Participant,
    Payment,
    Refund,
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
from scheduler.credits import expiry
from scheduler.loop.background import BackgroundWork
from scheduler.loop.ports import Discord
from scheduler.loop.session_steps import advance_due
from scheduler.notifications.delivery import deliver_due
from scheduler.payments import due as payments
from scheduler.payments import ways
from scheduler.payments.ports import Stripe
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
        due_at = await _first_due(db, columns)
        if due_at is not None and due_at <= started_at:
            report.late = started_at - due_at
            report.due = await _count_due(db, started_at)
            await _do_all(db, discord, clock, report, background, stripe)
            # For what was due and still is, because it failed or isn't done, the interval is soon enough; for
            # what became due meanwhile, it isn't.
            due_at = await _first_due(db, columns, after=started_at)
        report.next_due_at = due_at
        ended_at = clock()
        report.lasted = ended_at - started_at
        await _record(db, report, started_at, ended_at, unwatched())
        return report


async def _do_all(
    db: Database,
    discord: Discord,
    clock: Clock,
    report: TickReport,
    background: BackgroundWork,
    stripe: Stripe | None,
) -> None:
    report.steps, report.failures = await advance_due(db, discord, clock, background.sessions)
    roles = await background.roles.work({"": partial(sync_roles, db, discord, clock)})
    members = await background.members.work({"": partial(check_due, db, discord, clock)})
    if stripe is not None:
        report.failed_quietly += await payments.do_due(db, stripe, clock, background.payments)
    await expiry.do_due(db, clock)
    can_pay = partial(ways.can_pay, stripe)
    report.failed_quietly += await waiting_list.do_due(db, discord, clock, background.waiting_list, can_pay)
    report.failed_quietly += await workshops.do_due(db, discord, clock, background.workshops)
    delivered = await deliver_due(db, discord, clock, background.notifications)
    report.roles = sum(done for done, _ in roles)
    report.notifications, report.more = delivered.sent, delivered.more
    report.failed_quietly += sum(failed for _, failed in roles) + sum(members) + delivered.failed


_WAITING = (FreedTime.next_step_at, Offer.next_step_at, Wish.next_step_at)
"""When the waiting list has something to do."""
_VISIBLE = (
    CoachingSession.next_step_at,
    Coach.role_due_at,
    Notification.due_at,
    CreditLot.next_step_at,
    *_WAITING,
    Workshop.next_step_at,
)
"""When something is due that people notice; each column has a partial index."""
_DUE = (*_VISIBLE, Hold.next_step_at, Coach.membership_due_at, Participant.membership_due_at)
"""When anything is due."""
_AT_STRIPE = (Payment.next_check_at, Refund.next_try_at)
"""When Stripe is asked something."""


async def _first_due(
    db: Database, columns: Sequence[InstrumentedAttribute[datetime | None]], *, after: datetime | None = None
) -> datetime | None:
    """Return the earliest instant, with one query over partial indexes; an idle tick needs only this one."""
    async with db.read() as session:
        instants = (
            await session.execute(_first_of(tuple(columns), is_later=after is not None), {"after": after})
        ).one()
    return min((at for at in instants if at is not None), default=None)


@cache
def _first_of(columns: Sequence[InstrumentedAttribute[datetime | None]], *, is_later: bool) -> Select[Any]:
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
        counts = [
            await session.scalar(select(func.count()).where(column.is_not(None), column <= now))
            for column in (CoachingSession.next_step_at, Notification.due_at)
        ]
    return sum(count or 0 for count in counts)


async def next_due(db: Database) -> datetime | None:
    """Return when (UTC) a tick will next do something that people notice; None if nothing is planned."""
    return await _first_due(db, _VISIBLE)


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
