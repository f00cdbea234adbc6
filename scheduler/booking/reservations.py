"""The time that a session or hold takes from two people. The database itself refuses overlaps."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Executable,
    and_,
    case,
    delete,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models import Coach, CoachingSession, Guild, Hold, Reservation, UTCDateTime
from scheduler.availability import free_times, reader_zone
from scheduler.availability.slots import SlotRefusal
from scheduler.core.errors import SlotTaken

GUARD = "reservations_no_overlap"
"""What the error about an overlap mentions, on either engine."""
_ALTERNATIVES = 3

Barred = Callable[[AsyncSession, int, int, datetime], Awaitable[None]]
_barring: list[Barred] = []


def on_barred(*barring: Barred) -> None:
    """Register what else follows, in the same transaction, when someone can't book or coach here any more."""
    _barring.extend(barring)


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
    ends_at = starts_at + duration
    buffered_start, buffered_end = _with_buffers(coach, starts_at, ends_at)
    both = [
        owner | {"user_id": coach.user_id, "starts_at": buffered_start, "ends_at": buffered_end},
        owner | {"user_id": student_id, "starts_at": starts_at, "ends_at": ends_at},
    ]
    if not await _execute_if_free(session, insert(Reservation), both):
        raise await slot_taken_error(session, coach, student_id, starts_at, duration, now)


async def reschedule(
    session: AsyncSession, found: CoachingSession, coach: Coach, starts_at: datetime, now: datetime, reader_id: int
) -> None:
    """Let a session take another time, as `reserve` does, in place of its own. Raises SlotTaken."""
    ends_at = starts_at + found.duration
    buffered_start, buffered_end = _with_buffers(coach, starts_at, ends_at)
    is_coach = Reservation.user_id == coach.user_id
    new_time = {
        "starts_at": case((is_coach, _instant(buffered_start)), else_=_instant(starts_at)),
        "ends_at": case((is_coach, _instant(buffered_end)), else_=_instant(ends_at)),
    }
    theirs = update(Reservation).where(Reservation.session_id == found.id)
    if not await _execute_if_free(session, theirs.values(new_time)):
        time = coach, found.student_id, starts_at, found.duration, now
        raise await slot_taken_error(session, *time, reader_id=reader_id, rescheduling_id=found.id)


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


def _with_buffers(coach: Coach, starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
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


async def release_holds(session: AsyncSession, which: ColumnElement[bool]) -> None:
    """Delete these holds, which frees their time.

    Locks by ascending id, so that transactions that delete the same holds don't deadlock.
    """
    ids = list(await session.scalars(select(Hold.id).where(which).order_by(Hold.id).with_for_update()))
    if ids:
        await session.execute(delete(Hold).where(Hold.id.in_(ids)))


async def release_barred(
    session: AsyncSession, guild_id: int, user_id: int, now: datetime, *parts: InstrumentedAttribute[int]
) -> None:
    """Free what is held for someone who can't book or coach here any more, also while it's being paid for.

    `parts` are the columns that name them, `Hold.student_id` or `Hold.coach_id`. They must be locked.
    """
    await release_holds(session, and_(Hold.guild_id == guild_id, or_(*(part == user_id for part in parts))))
    for follow in _barring:
        await follow(session, guild_id, user_id, now)


async def reservations_of(session: AsyncSession, found: CoachingSession) -> list[Reservation]:
    """Return both people's reservations for this session."""
    theirs = select(Reservation).where(Reservation.session_id == found.id).order_by(Reservation.id)
    return list(await session.scalars(theirs))


async def shift_end(session: AsyncSession, found: CoachingSession, ends_at: datetime) -> None:
    """Shift the end of both reservations along with the session's.

    Keeps the buffers: those the coach has set since then may not fit next to other sessions.
    """
    for one in await reservations_of(session, found):
        one.ends_at += ends_at - found.ends_at
    await session.flush()
