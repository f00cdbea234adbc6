"""Time and seats that became free, recorded for the waiting list if anybody may be waiting for them."""

from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CoachStatus, FreedTime, SessionStatus, Wish
from scheduler.sessions.freed_times import Freed, FreedSeat
from scheduler.waiting_list import gate
from scheduler.workshops.free_seats import claim, is_free


async def record(session: AsyncSession, freed: Freed, now: datetime) -> None:
    """Record time to be offered in the next tick. Until then, nobody else can book it.

    Does nothing if nobody waits for this coach: otherwise every cancellation would be a row to look at.
    """
    if not await _is_awaited(session, freed.coach_id):
        return
    session.add(
        FreedTime(
            coach_id=freed.coach_id,
            starts_at=freed.starts_at,
            ends_at=freed.ends_at,
            freed_from=freed.freed_from,
            created_at=now,
            next_step_at=now,
        )
    )
    await session.flush()


async def record_hours(session: AsyncSession, coach: Coach, now: datetime) -> None:
    """Record that a coach's hours changed, so that the next tick looks for what's free for those in line."""
    if not await _is_awaited(session, coach.user_id):
        return
    until = now + timedelta(days=coach.horizon_days + 1)
    theirs = FreedTime.coach_id == coach.user_id, FreedTime.is_new_hours.is_(True)
    again = update(FreedTime).where(*theirs).values(ends_at=until, next_step_at=now)
    known = await session.execute(again.returning(FreedTime.id).execution_options(synchronize_session=False))
    if known.first() is None:
        session.add(
            FreedTime(
                coach_id=coach.user_id,
                starts_at=now,
                ends_at=until,
                is_new_hours=True,
                created_at=now,
                next_step_at=now,
            )
        )
        await session.flush()


async def record_seat(session: AsyncSession, freed: FreedSeat, now: datetime) -> None:
    """Keep one of a workshop's free seats to be offered in the next tick, if anybody waits for one."""
    row = await session.get_one(CoachingSession, freed.session_id)
    if row.status is not SessionStatus.SCHEDULED or row.starts_at <= now:
        return
    await gate.while_freeing(session, [row.guild_id])
    waiting = exists().where(Wish.session_id == row.id, Wish.ended_at.is_(None))
    if not await session.scalar(select(waiting)):
        return
    kept = FreedTime(
        coach_id=row.coach_id,
        session_id=row.id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        freed_from=freed.freed_from,
        created_at=now,
        next_step_at=now,
    )
    session.add(kept)
    await session.flush()
    if not await claim(session, row.id, is_free(now), freed_id=kept.id):
        await session.delete(kept)
        await session.flush()


async def look_again(session: AsyncSession, freed_id: int | None, now: datetime) -> None:
    """Have the next person looked for, because an offer is over; None if it was accepted.

    New hours may have more for the same person.
    """
    again = or_(FreedTime.id == freed_id, FreedTime.is_new_hours.is_(True))
    changed = update(FreedTime).where(again, FreedTime.next_step_at.is_(None)).values(next_step_at=now)
    await session.execute(changed.execution_options(synchronize_session="fetch"))


async def _is_awaited(session: AsyncSession, coach_id: int) -> bool:
    here = Coach.user_id == coach_id, Coach.status == CoachStatus.APPROVED
    servers = list(await session.scalars(select(Coach.guild_id).where(*here)))
    await gate.while_freeing(session, servers)
    # Two questions, because an index answers each of them alone.
    for whose in (Wish.coach_id == coach_id, Wish.coach_id.is_(None)):
        is_open = Wish.ended_at.is_(None), Wish.session_id.is_(None)
        waiting = exists().where(Wish.guild_id.in_(servers), whose, *is_open)
        if await session.scalar(select(waiting)):
            return True
    return False
