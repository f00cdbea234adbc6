"""Weekly lessons of `COACH` and `STUDENT`, on Mondays at ten in UTC unless a test says otherwise."""

import itertools
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Lesson, Series, SeriesPayment, SeriesRule, SeriesStatus, SkipReason
from models.storage.database import Database
from scheduler.series.lookup import lock_series
from scheduler.series.making import make_lessons
from tests.support.builders import COACH, DAY, GUILD, MONDAY, STUDENT, a_server_with_a_coach
from tests.support.transactions import transact

FIRST_DAY = MONDAY.date()
TEN_O_CLOCK = 10 * 60


async def a_series(
    session: AsyncSession,
    *,
    first_day: date = FIRST_DAY,
    start_minute: int = TEN_O_CLOCK,
    time_zone: str = "UTC",
    interval_weeks: int = 1,
    rules: Sequence[SeriesRule] = (),
    now: datetime = MONDAY,
    made: bool = True,
    **changed: Any,
) -> Series:
    """Store an open series that the coach accepted, and make its lessons unless `made` is False.

    `rules` replace the only rule, which the other arguments describe. One that isn't active has no lessons.
    """
    values: dict[str, Any] = {
        "guild_id": GUILD,
        "code": f"w{next(_numbers)}",
        "coach_id": COACH,
        "student_id": STUDENT,
        "status": SeriesStatus.ACTIVE,
        "duration_minutes": 60,
        "total_cost_minor": 6000,
        "currency": "USD",
        "pays_with": SeriesPayment.OTHERWISE,
        "requested_at": now,
        "answer_by": now + 3 * DAY,
        "decided_at": now,
        "decided_by": COACH,
        "next_step_at": now,
    }
    only = SeriesRule(
        first_occurrence=0,
        first_day=first_day,
        start_minute=start_minute,
        time_zone=time_zone,
        interval_weeks=interval_weeks,
    )
    series = Series(**values | changed, rules=list(rules) or [only])
    session.add(series)
    await session.flush()
    if made:
        await make_lessons(session, await lock_series(session, series.id), now)
    return series


_numbers = itertools.count(1)


async def a_weekly_pair(db: Database, **changed: Any) -> int:
    """Store a server with a coach and a running series, and return its id."""
    await a_server_with_a_coach(db)
    return (await transact(db, a_series, **changed)).id


async def make_more(session: AsyncSession, series_id: int, now: datetime) -> None:
    """Make what's due of a series, as the loop does."""
    await make_lessons(session, await lock_series(session, series_id), now)


class ALesson(NamedTuple):
    """What became of one occurrence."""

    occurrence: int
    starts_at: datetime | None
    """Of its session, or by the rule if it has none."""
    skipped: SkipReason | None = None


async def lessons_of(db: Database, series_id: int) -> list[ALesson]:
    """Return all lessons of a series that were made, in order."""
    theirs = (
        select(Lesson, CoachingSession.starts_at)
        .outerjoin(CoachingSession, CoachingSession.id == Lesson.session_id)
        .where(Lesson.series_id == series_id)
        .order_by(Lesson.occurrence)
    )
    async with db.read() as session:
        found = await session.execute(theirs)
        return [ALesson(one.occurrence, at or one.starts_at, one.skipped) for one, at in found]
