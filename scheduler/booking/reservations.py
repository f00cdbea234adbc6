"""The time that a session or hold takes from two people. The database itself refuses an overlap."""

from datetime import datetime, timedelta

from sqlalchemy import BindParameter, case, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, Reservation, UTCDateTime
from scheduler.availability import free_times, reader_zone
from scheduler.availability.slots import SlotRefusal
from scheduler.core.errors import SlotTaken

GUARD = "reservations_no_overlap"
"""What the database's refusal of an overlap mentions, on either engine."""
_ALTERNATIVES = 3


async def reserve(
    session: AsyncSession,
    coach: Coach,
    student_id: int,
    starts_at: datetime,
    duration: timedelta,
    now: datetime,
    **owner: int,
) -> None:
    """Take the time from both people; the database itself has the last word on whether it is free."""
    ends_at = starts_at + duration
    before, after = timedelta(minutes=coach.buffer_before_minutes), timedelta(minutes=coach.buffer_after_minutes)
    both = [
        owner | {"user_id": coach.user_id, "starts_at": starts_at - before, "ends_at": ends_at + after},
        owner | {"user_id": student_id, "starts_at": starts_at, "ends_at": ends_at},
    ]
    try:
        async with session.begin_nested():
            await session.execute(insert(Reservation), both)
    except IntegrityError as error:
        if GUARD not in str(error.orig):
            raise
        raise await slot_taken_error(session, coach, student_id, starts_at, duration, now) from error


async def slot_taken_error(
    session: AsyncSession,
    coach: Coach,
    student_id: int,
    wanted: datetime,
    duration: timedelta,
    now: datetime,
    why: SlotRefusal = SlotRefusal.TAKEN,
    *,
    reader_id: int | None = None,
    moving: int | None = None,
) -> SlotTaken:
    """The refusal of a time, with the nearest free ones on the clock of who reads it (else the student)."""
    free = await free_times.free_times(session, coach, duration, student_id=student_id, now=now, moving=moving)
    present = await session.get(CoachingSession, moving) if moving is not None else None
    others = (at for at in free if present is None or at != present.starts_at)
    nearest = sorted(others, key=lambda at: (abs(at - wanted), at))[:_ALTERNATIVES]
    guild = await session.get_one(Guild, coach.guild_id)
    return SlotTaken(
        # Only what was listed is asked for here, so it is gone since then.
        "That time was just taken." if why is SlotRefusal.TAKEN else free_times.explain(why, coach),
        nearest,
        coach_id=coach.user_id,
        duration=duration,
        zone_name=await reader_zone.zone_name_of(session, reader_id or student_id, guild.time_zone),
        moving=moving,
    )


async def move_reservations(
    session: AsyncSession, session_id: int, coach: Coach, starts_at: datetime, ends_at: datetime
) -> None:
    """Let a session take another time from both people, from the coach with the buffers around it.

    Raises IntegrityError that names the guard where one of them is not free.
    """
    is_coach = Reservation.user_id == coach.user_id
    before, after = timedelta(minutes=coach.buffer_before_minutes), timedelta(minutes=coach.buffer_after_minutes)
    await session.execute(
        update(Reservation)
        .where(Reservation.session_id == session_id)
        .values(
            starts_at=case((is_coach, _instant(starts_at - before)), else_=_instant(starts_at)),
            ends_at=case((is_coach, _instant(ends_at + after)), else_=_instant(ends_at)),
        )
    )


def _instant(at: datetime) -> BindParameter[datetime]:
    return literal(at, UTCDateTime())


async def reservations_of(session: AsyncSession, found: CoachingSession) -> list[Reservation]:
    """The reservations of both people for this session."""
    theirs = select(Reservation).where(Reservation.session_id == found.id).order_by(Reservation.id)
    return list(await session.scalars(theirs))


async def move_end(session: AsyncSession, found: CoachingSession, ends_at: datetime) -> None:
    """Let both reservations end so much later or earlier.

    Their buffers stay as they were: those that the coach has chosen since then may not fit beside other sessions.
    """
    for one in await reservations_of(session, found):
        one.ends_at += ends_at - found.ends_at
    await session.flush()
