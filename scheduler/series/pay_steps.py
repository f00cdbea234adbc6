"""When it's seen to that a lesson is paid for: credit two weeks before, money one week before."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Lesson, Series, SeriesPayment
from scheduler.sessions.charge_standing import PAYABLE_BEFORE

TOLD_BEFORE = timedelta(days=14)
"""How long before a lesson its student is told if their credit won't be enough."""
PAID_BEFORE = PAYABLE_BEFORE
"""How long before a lesson its credit is reserved, or it can be paid by card."""
DECIDED_BEFORE = timedelta(hours=24)
"""How long before a lesson it's decided what becomes of it if it isn't paid for."""

LOOK_AGAIN = timedelta(minutes=5)
"""How long after the page to pay on has closed it's seen whether a lesson was paid."""


def first_step(series: Series, starts_at: datetime) -> datetime | None:
    """Return when a new lesson's payment is first seen to; None if there's nothing to do before it.

    That's also in the past if the lesson is soon: then it's due at once.
    """
    if not series.total_cost_minor:
        return None
    match series.pays_with:
        case SeriesPayment.CREDIT:
            return starts_at - TOLD_BEFORE
        case SeriesPayment.CARD:
            return starts_at - PAID_BEFORE
        case _:
            return None


def decided_at(starts_at: datetime, told_at: datetime) -> datetime:
    """Return when it's decided what becomes of a lesson that isn't paid for.

    That's a day before it, or if its student was told too late for that, after half the time left then.
    """
    return max(starts_at - DECIDED_BEFORE, told_at + (starts_at - told_at) / 2)


async def follow_rescheduled(session: AsyncSession, row: CoachingSession, _now: datetime) -> None:
    """See to it by its new time that a rescheduled lesson is paid for. Does nothing for other sessions."""
    found = select(Lesson).where(Lesson.session_id == row.id, Lesson.pay_step_at.is_not(None))
    if (lesson := await session.scalar(found)) is not None:
        lesson.pay_step_at = first_step(await session.get_one(Series, lesson.series_id), row.starts_at)


async def hurry(session: AsyncSession, guild_id: int, user_id: int, now: datetime) -> None:
    """Look at once at the lessons of the next days that somebody couldn't pay for: they have more credit now."""
    series = select(Series.id).where(
        Series.guild_id == guild_id, Series.student_id == user_id, Series.pays_with == SeriesPayment.CREDIT
    )
    soon = select(CoachingSession.id).where(
        CoachingSession.id == Lesson.session_id, CoachingSession.starts_at <= now + PAID_BEFORE
    )
    waiting = Lesson.pay_step_at > now, Lesson.series_id.in_(series), soon.exists()
    asked = update(Lesson).where(*waiting).values(pay_step_at=now)
    await session.execute(asked.execution_options(synchronize_session=False))
