"""What's due with series: lessons to make, requests that run out, and series that are over."""

from collections.abc import Hashable
from functools import partial

from sqlalchemy import select

from models import Series, SeriesStatus
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.core.task_pool import Job, TaskPool, attempt
from scheduler.series import answers, lookup, skipped
from scheduler.series.making import make_lessons

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
                if (await make_lessons(session, series, now)).skipped:
                    await skipped.tell(session, series, now)
            case SeriesStatus.REQUESTED:
                await answers.lapse(session, series_id, now)
            case _:
                series.next_step_at = None
