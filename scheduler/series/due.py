"""What's due with series: lessons to make, requests that run out, and series that are over."""

from collections.abc import Hashable
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, Series, SeriesStatus
from models.storage.database import Database
from scheduler.core import members
from scheduler.core.clock import Clock
from scheduler.core.task_pool import Job, TaskPool, attempt
from scheduler.series import answers, lookup, skipped
from scheduler.series.making import made_ahead, make_lessons

_A_ROUND = 50


async def do_due(db: Database, clock: Clock, pool: TaskPool[bool]) -> int:
    """Do what's due, each series in a transaction of its own. Returns how much failed, to be retried."""
    async with db.read() as session:
        due = select(Series.id).where(Series.next_step_at <= clock())
        ids = list(await session.scalars(due.order_by(Series.next_step_at).limit(_A_ROUND)))

    jobs: dict[Hashable, Job[bool]] = {
        one: partial(attempt, f"series {one}", partial(_advance, db, clock, one)) for one in ids
    }
    return (await pool.work(jobs)).count(False)


async def _advance(db: Database, clock: Clock, series_id: int) -> None:
    async with db.begin() as session:
        series, now = await lookup.lock_series(session, series_id), clock()
        if series.next_step_at is None or series.next_step_at > now:
            return
        match series.status:
            case SeriesStatus.ACTIVE:
                await _make(session, series, now)
            case SeriesStatus.REQUESTED:
                await answers.lapse(session, series_id, now)
            case _:
                series.next_step_at = None


async def follow_bookable(session: AsyncSession, coach: Coach, now: datetime) -> None:
    """Make the lessons of a coach who can be booked further ahead, in the same transaction.

    If somebody books with the student of one right now, the loop makes them: its hours are kept anyway. The coach
    must be locked.
    """
    await session.flush()
    theirs = Series.coach_id == coach.user_id, Series.status == SeriesStatus.ACTIVE
    running = select(Series).where(*theirs).order_by(Series.id).with_for_update()
    ahead = await made_ahead(session, coach.user_id)
    for series in list(await session.scalars(running.execution_options(populate_existing=True))):
        if series.made_until is not None and series.made_until > now + ahead:
            series.next_step_at = min(series.next_step_at or now, series.made_until - ahead)
        elif await members.try_lock(session, series.student_id):
            await _make(session, series, now)
        else:
            series.next_step_at = now


async def _make(session: AsyncSession, series: Series, now: datetime) -> None:
    if (await make_lessons(session, series, now)).skipped:
        await skipped.tell(session, series, now)
