"""The time that a session or hold takes from two people. The database itself refuses overlaps."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Executable, case, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, Hold, Reservation, UTCDateTime
from scheduler.availability import free_times, kept_hours, reader_zone
from scheduler.availability.slots import SlotRefusal
from scheduler.core.errors import SlotTaken
from scheduler.sessions.freed_times import Freed, announce
from scheduler.time.intervals import subtract

GUARD = "reservations_no_overlap"
"""What the error about an overlap mentions, on either engine."""
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
    """Take the time from both people, with the buffers around it from the coach. Raises SlotTaken."""
    if not await reserve_if_free(session, coach, student_id, starts_at, duration, **owner):
        raise await slot_taken_error(session, coach, student_id, starts_at, duration, now)


async def reserve_if_free(
    session: AsyncSession, coach: Coach, student_id: int, starts_at: datetime, duration: timedelta, **owner: int
) -> bool:
    """Take the time as `reserve` does, and return whether it was free."""
    both = of_both(coach, student_id, starts_at, duration, **owner)
    return await _insert_if_free(session, both)


def of_both(
    coach: Coach, student_id: int, starts_at: datetime, duration: timedelta, **owner: int
) -> list[dict[str, Any]]:
    """Return the rows that take the time from both people, with the buffers around it from the coach."""
    ends_at = starts_at + duration
    buffered_start, buffered_end = with_buffers(coach, starts_at, ends_at)
    return [
        owner | {"user_id": coach.user_id, "starts_at": buffered_start, "ends_at": buffered_end},
        owner | {"user_id": student_id, "starts_at": starts_at, "ends_at": ends_at},
    ]


async def reserve_coach(
    session: AsyncSession, coach: Coach, starts_at: datetime, duration: timedelta, **owner: int
) -> bool:
    """Take the time from the coach alone, for a workshop or an offer. Return whether it was free."""
    buffered_start, buffered_end = with_buffers(coach, starts_at, starts_at + duration)
    taken = owner | {"user_id": coach.user_id, "starts_at": buffered_start, "ends_at": buffered_end}
    return await _insert_if_free(session, [taken])


async def reserve_student(session: AsyncSession, held: Hold) -> bool:
    """Take the time of a hold that reserves the coach alone from its student, too. Return whether it was free."""
    return await reserve_participant(session, held.student_id, held.starts_at, held.ends_at, hold_id=held.id)


async def reserve_participant(
    session: AsyncSession, user_id: int, starts_at: datetime, ends_at: datetime, **owner: int
) -> bool:
    """Take the time from somebody who joins what its coach is reserved for. Return whether it was free."""
    taken = owner | {"user_id": user_id, "starts_at": starts_at, "ends_at": ends_at}
    return await _insert_if_free(session, [taken])


async def reschedule(
    session: AsyncSession, found: CoachingSession, coach: Coach, starts_at: datetime, now: datetime, reader_id: int
) -> None:
    """Let a session take another time, as `reserve` does, in place of its own. Raises SlotTaken."""
    ends_at = starts_at + found.duration
    buffered_start, buffered_end = with_buffers(coach, starts_at, ends_at)
    is_coach = Reservation.user_id == coach.user_id
    new_time = {
        "starts_at": case((is_coach, _instant(buffered_start)), else_=_instant(starts_at)),
        "ends_at": case((is_coach, _instant(buffered_end)), else_=_instant(ends_at)),
    }
    theirs = update(Reservation).where(Reservation.session_id == found.id)
    coachs = Reservation.session_id == found.id, is_coach
    before = list(await session.execute(select(Reservation.starts_at, Reservation.ends_at).where(*coachs)))
    wanted = [(coach.user_id, buffered_start, buffered_end), (found.student_id, starts_at, ends_at)]
    if await kept_hours.is_kept(session, wanted) or not await _execute_if_free(session, theirs.values(new_time)):
        time = coach, found.student_id, starts_at, found.duration, now
        raise await slot_taken_error(session, *time, reader_id=reader_id, rescheduling_id=found.id)
    freed = subtract([(start, end) for start, end in before], [(buffered_start, buffered_end)])
    for free_from, free_until in freed:
        await announce(session, Freed(coach.user_id, free_from, free_until, found.student_id), now)


async def _insert_if_free(session: AsyncSession, rows: list[dict[str, Any]]) -> bool:
    """Return False, with nothing changed, if someone isn't free or their time is kept for something else."""
    times = [(one["user_id"], one["starts_at"], one["ends_at"]) for one in rows]
    if await kept_hours.is_kept(session, times):
        return False
    return await _execute_if_free(session, insert(Reservation), rows)


async def hand_over(session: AsyncSession, found: CoachingSession, coach: Coach, now: datetime) -> bool:
    """Let a session take the time of another coach in place of its own coach's. Return whether it was free."""
    starts_at, ends_at = with_buffers(coach, found.starts_at, found.ends_at)
    coachs = Reservation.session_id == found.id, Reservation.user_id == found.coach_id
    before = list(await session.execute(select(Reservation.starts_at, Reservation.ends_at).where(*coachs)))
    if await kept_hours.is_kept(session, [(coach.user_id, starts_at, ends_at)]):
        return False
    taken = {"user_id": coach.user_id, "starts_at": starts_at, "ends_at": ends_at}
    if not await _execute_if_free(session, update(Reservation).where(*coachs).values(taken)):
        return False
    for free_from, free_until in before:
        await announce(session, Freed(found.coach_id, free_from, free_until), now)
    return True


async def _execute_if_free(
    session: AsyncSession, statement: Executable, rows: list[dict[str, Any]] | None = None
) -> bool:
    """Return False, with nothing changed, if the database finds that someone isn't free. It has the last word."""
    try:
        async with session.begin_nested():
            await session.execute(statement, rows)
    except IntegrityError as error:
        if GUARD not in str(error.orig):
            raise
        return False
    return True


def with_buffers(coach: Coach, starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
    """Return the time that a session takes from its coach."""
    before, after = timedelta(minutes=coach.buffer_before_minutes), timedelta(minutes=coach.buffer_after_minutes)
    return starts_at - before, ends_at + after


def _instant(at: datetime) -> BindParameter[datetime]:
    return literal(at, UTCDateTime())


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
    rescheduling_id: int | None = None,
) -> SlotTaken:
    """Build the refusal of a time, with the nearest free ones in the reader's zone (by default the student's)."""
    free = await free_times.free_times(
        session, coach, duration, student_id=student_id, now=now, rescheduling_id=rescheduling_id
    )
    current = await session.get(CoachingSession, rescheduling_id) if rescheduling_id is not None else None
    others = (at for at in free if current is None or at != current.starts_at)
    nearest = sorted(others, key=lambda at: (abs(at - wanted), at))[:_ALTERNATIVES]
    guild = await session.get_one(Guild, coach.guild_id)
    return SlotTaken(
        # People pick from a list of free times, so it was free a moment ago.
        "That time was just taken." if why is SlotRefusal.TAKEN else free_times.explain(why, coach),
        nearest,
        coach_id=coach.user_id,
        duration=duration,
        zone_name=await reader_zone.zone_name_of(session, reader_id or student_id, guild.time_zone),
        rescheduling_id=rescheduling_id,
    )


async def reservations_of(session: AsyncSession, found: CoachingSession) -> list[Reservation]:
    """Return both people's reservations for this session."""
    theirs = select(Reservation).where(Reservation.session_id == found.id).order_by(Reservation.id)
    return list(await session.scalars(theirs))


async def shift_end(session: AsyncSession, found: CoachingSession, ends_at: datetime, now: datetime) -> None:
    """Shift the end of both reservations along with the session's.

    Keeps the buffers: those the coach has set since then may not fit next to other sessions.
    """
    for one in await reservations_of(session, found):
        before = one.ends_at
        one.ends_at += ends_at - found.ends_at
        if one.user_id == found.coach_id and one.ends_at < before:
            await announce(session, Freed(one.user_id, one.ends_at, before, found.student_id), now)
    await session.flush()
