"""What is due with workshops: whether enough people come, and the server's scheduled events."""

from collections.abc import Hashable
from datetime import datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AHEAD, CoachingSession, Guild, Hold, SessionStatus, Workshop
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.core.task_pool import Job, TaskPool, attempt
from scheduler.sessions import events
from scheduler.workshops import announcements, scheduled_events, steps
from scheduler.workshops.ports import ScheduledEvents

_A_ROUND = 50


async def do_due(db: Database, discord: ScheduledEvents, clock: Clock, pool: TaskPool[bool]) -> int:
    """Do what's due, each workshop on its own. Returns how much failed, to be retried."""
    async with db.read() as session:
        due = select(Workshop.session_id).where(Workshop.next_step_at <= clock())
        ids = list(await session.scalars(due.order_by(Workshop.next_step_at).limit(_A_ROUND)))

    jobs: dict[Hashable, Job[bool]] = {
        one: partial(attempt, f"workshop {one}", partial(advance, db, discord, clock, one)) for one in ids
    }
    return (await pool.work(jobs)).count(False)


async def advance(db: Database, discord: ScheduledEvents, clock: Clock, session_id: int) -> bool:
    """Do one workshop's due steps. Returns False if something failed and will be retried."""
    async with db.begin() as session:
        if not await decide(session, session_id, clock()):
            return True
    return await scheduled_events.sync(db, discord, clock, session_id)


async def decide(session: AsyncSession, session_id: int, now: datetime) -> bool:
    """Cancel a workshop that too few people have a seat in when that's decided, or nobody when it starts.

    It waits for those who are paying for a seat, if enough come with them. Plans the workshop's next step. Returns
    False if nothing is due, which makes it safe to call twice.
    """
    row = await session.get(CoachingSession, session_id, with_for_update=True, populate_existing=True)
    workshop = await session.get(Workshop, session_id, populate_existing=True)
    if row is None or workshop is None or workshop.next_step_at is None or workshop.next_step_at > now:
        return False
    has_begun = row.starts_at <= now
    is_decided = (
        row.status is SessionStatus.SCHEDULED and workshop.decide_at is not None and workshop.decide_at <= now
    )
    if is_decided:
        paid_by = await _wait_until(session, workshop, row, now)
        if paid_by is not None:
            workshop.next_step_at = paid_by
            return False
        if await _call_off_if_too_few(session, workshop, row, now):
            return True
        workshop.decide_at = None
    if has_begun and row.status in AHEAD and not row.taking_part:  # so that its coach doesn't have to come
        await _call_off(session, row, "Nobody took a seat.", now)
        events.record_by_bot(session, row, "session_cancelled_empty", now)
        return True
    # Due until its event agrees, in case the process dies before Discord is asked.
    may_have_event = workshop.has_event or workshop.event_intended_at is not None
    steps.plan(workshop, row, now, soon=may_have_event)
    await session.flush()
    if is_decided or (has_begun and row.status is not SessionStatus.CANCELLED):
        await announcements.update_announcement(session, session_id, now)
    return True


async def _call_off_if_too_few(
    session: AsyncSession, workshop: Workshop, row: CoachingSession, now: datetime
) -> bool:
    booked, least = len(row.taking_part), workshop.least or 0
    if booked >= least or now >= row.starts_at:  # it has started while the bot was down
        return False
    workshop.decide_at = None
    reason = f"Too few people had taken a seat: {booked} of at least {least}."
    await _call_off(session, row, reason, now)
    events.record_by_bot(session, row, "workshop_cancelled_too_few", now, seats=booked, least=least)
    return True


async def _call_off(session: AsyncSession, row: CoachingSession, reason: str, now: datetime) -> None:
    await events.call_off(session, row, await session.get_one(Guild, row.guild_id), reason, now)


async def _wait_until(
    session: AsyncSession, workshop: Workshop, row: CoachingSession, now: datetime
) -> datetime | None:
    """Return until when people are paying for seats, if enough of them come only then."""
    least, booked = workshop.least or 0, len(row.taking_part)
    if booked >= least or now >= row.starts_at:
        return None
    open_holds = select(func.count(), func.min(Hold.expires_at)).where(
        Hold.session_id == row.id, Hold.expires_at > now
    )
    paying, first_ends_at = (await session.execute(open_holds)).one()
    return first_ends_at if booked + paying >= least else None


async def follow_session(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Have a cancelled workshop's announcement and scheduled event follow. Does nothing for other sessions."""
    if not row.is_workshop:
        return
    workshop = await session.get(Workshop, row.id)
    if workshop is not None:
        steps.plan(workshop, row, now, soon=workshop.event_intended_at is not None)
        await session.flush()
        await announcements.update_announcement(session, row.id, now)
