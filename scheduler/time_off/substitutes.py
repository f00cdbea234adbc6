"""Who could take over a session while its coach is away, and the question whether somebody does."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import Coach, CoachingSession, CoachSpecialty, Hold, Substitution
from scheduler.availability import coach_search, free_times
from scheduler.availability.slots import SlotRefusal
from scheduler.core import audit
from scheduler.core.errors import NotBookable

MOST = 25
"""The most that a select can hold."""
_UNFREE = {SlotRefusal.TAKEN, SlotRefusal.BUFFER, SlotRefusal.AWAY}
"""They're asked, so their hours and limits don't matter, and a session on a closed day takes place."""
NOBODY = "No other coach of this specialty is free then. Reschedule or cancel the session instead."


async def find(session: AsyncSession, row: CoachingSession, now: datetime) -> list[Coach]:
    """Return who takes bookings here, teaches something that its coach teaches, and is free then, by name."""
    taking_bookings = await coach_search.find_coaches(session, row.guild_id, "")
    alike = await _teaching_alike(session, row)
    involved = await _involved(session, row)
    coaches = [one for one in taking_bookings if one.user_id in alike and one.user_id not in involved]
    return await _free(session, row, coaches, now)


async def require(session: AsyncSession, row: CoachingSession, coach_id: int, now: datetime) -> Coach:
    """Return one of those coaches. Raises NotBookable for anybody else."""
    found = next((one for one in await find(session, row, now) if one.user_id == coach_id), None)
    if found is None:
        raise NotBookable("This coach can't take the session over any more. Choose another one.")
    return found


async def is_involved(session: AsyncSession, row: CoachingSession, user_id: int) -> bool:
    """Whether somebody coaches this session or has, had or is paying for a place in it."""
    return user_id in await _involved(session, row)


async def _free(
    session: AsyncSession, row: CoachingSession, coaches: Sequence[Coach], now: datetime
) -> list[Coach]:
    calendars = await free_times.calendars(
        session,
        coaches,
        student_id=row.coach_id,
        now=now,
        since=row.starts_at,
        until=row.ends_at,
        rescheduling_id=row.id,
    )
    return [
        one
        for one in coaches
        if not _UNFREE.intersection(calendars[one.user_id].refusals(row.starts_at, row.duration, now=now))
    ]


async def _teaching_alike(session: AsyncSession, row: CoachingSession) -> set[int]:
    theirs = aliased(CoachSpecialty)
    shared = exists().where(
        theirs.guild_id == row.guild_id,
        theirs.coach_id == row.coach_id,
        theirs.specialty_id == CoachSpecialty.specialty_id,
    )
    found = select(CoachSpecialty.coach_id).where(CoachSpecialty.guild_id == row.guild_id, shared)
    return set(await session.scalars(found))


async def _involved(session: AsyncSession, row: CoachingSession) -> set[int]:
    paying = await session.scalars(select(Hold.student_id).where(Hold.session_id == row.id))
    return {row.coach_id, *(one.user_id for one in row.participants), *paying}


async def find_open(session: AsyncSession, row: CoachingSession) -> Substitution | None:
    """Return the open question about a session, if there is one."""
    is_open = Substitution.session_id == row.id, Substitution.closed_at.is_(None)
    return await session.scalar(select(Substitution).where(*is_open))


def record(
    session: AsyncSession, question: Substitution, action: str, now: datetime, *, actor_id: int | None = None
) -> None:
    """Record in the audit log what became of a question."""
    audit.record(
        session,
        question.guild_id,
        action,
        at=now,
        actor_id=actor_id,
        coach_id=question.coach_id,
        session_id=question.session_id,
        member_id=question.substitute_id,
    )
