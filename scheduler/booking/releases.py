"""Releasing holds: what they kept is free again, and announced."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Hold, HoldPurpose, Reservation
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.sessions.freed_times import Freed, FreedSeat, announce, announce_seat


class Barred(NamedTuple):
    """Someone who can't book or coach in a server any more, and as which of the two."""

    guild_id: int
    user_id: int
    as_coach: bool = False
    as_student: bool = False


_Period = tuple[datetime, datetime]
Follow = Callable[[AsyncSession, Barred, datetime], Awaitable[None]]
_ending: list[Follow] = []
_following: list[Follow] = []


def before_barring(*ending: Follow) -> None:
    """Register what ends first, in the same transaction, because it decides who gets the time that it held."""
    _ending.extend(ending)


def on_barred(*following: Follow) -> None:
    """Register what else follows, in the same transaction, when someone can't book or coach here any more."""
    _following.extend(following)


async def release_holds(
    session: AsyncSession,
    guild_id: int,
    coach_id: int,
    student_id: int,
    now: datetime,
    *,
    taking: datetime | None = None,
) -> None:
    """Delete what the student is choosing in this server, and expired holds of either person.

    What they take now isn't announced as free: the coach's time that starts at `taking`.
    """
    taken = (coach_id, student_id, taking)
    for one, times in await _delete(session, is_releasable(guild_id, coach_id, student_id, now)):
        if (one.coach_id, one.student_id, one.starts_at) != taken:
            await _announce(session, one, times, now)


async def release(session: AsyncSession, hold_id: int, now: datetime) -> None:
    """Delete a hold before its time, and free what it kept."""
    for one, times in await _delete(session, Hold.id == hold_id):
        await _announce(session, one, times, now)


async def drop(session: AsyncSession, hold_id: int) -> None:
    """Delete a hold without announcing its time, because the caller knows who gets it."""
    await _delete(session, Hold.id == hold_id)


async def release_barred(session: AsyncSession, barred: Barred, now: datetime) -> None:
    """Free what is held for someone barred, also while it's being paid for. They must be locked."""
    for end in _ending:
        await end(session, barred, now)
    sides = ((barred.as_coach, Hold.coach_id), (barred.as_student, Hold.student_id))
    theirs = or_(*(column == barred.user_id for is_barred, column in sides if is_barred))
    for one, times in await _delete(session, and_(Hold.guild_id == barred.guild_id, theirs)):
        await _announce(session, one, times, now)
    # Last, because whoever deletes a hold locks it before its payment.
    for follow in _following:
        await follow(session, barred, now)


async def release_expired(session: AsyncSession, user_id: int, now: datetime) -> None:
    """Delete the expired holds that reserve this person's time. Only seats are announced: they take no time."""
    theirs = or_(Hold.coach_id == user_id, Hold.student_id == user_id)
    for one, times in await _delete(session, and_(Hold.expires_at <= now, theirs)):
        if one.session_id is not None:
            await _announce(session, one, times, now)


async def announce_expired(db: Database, clock: Clock) -> None:
    """Announce the time of holds that ran out. They can still be paid for until somebody takes it."""
    async with db.read() as session:
        expired = Hold.next_step_at <= clock()
        if await session.scalar(select(Hold.id).where(expired).limit(1)) is None:
            return
    async with db.begin() as session:
        now = clock()
        ran_out = update(Hold).where(Hold.next_step_at <= now).values(next_step_at=None).returning(Hold)
        expired_now = list(await session.scalars(ran_out.execution_options(synchronize_session=False)))
        kept = await _times_kept(session, expired_now)
        for one in expired_now:
            await _announce(session, one, kept[one.id], now, ran_out=True)


async def announce_expired_seats(session: AsyncSession, session_id: int, now: datetime) -> None:
    """Announce the seats of a workshop whose holds ran out since, before somebody takes one of them."""
    expired = Hold.session_id == session_id, Hold.next_step_at <= now
    ran_out = update(Hold).where(*expired).values(next_step_at=None).returning(Hold)
    for one in await session.scalars(ran_out.execution_options(populate_existing=True)):
        await _announce(session, one, [], now, ran_out=True)


async def _delete(session: AsyncSession, which: ColumnElement[bool]) -> list[tuple[Hold, list[_Period]]]:
    """Delete holds, and return each with the coach's times that it kept.

    By ascending id, so that transactions that delete the same ones don't deadlock.
    """
    found = list(await session.scalars(select(Hold).where(which).order_by(Hold.id).with_for_update()))
    kept = await _times_kept(session, found)
    if found:
        ids = [one.id for one in found]
        await session.execute(delete(Hold).where(Hold.id.in_(ids)).execution_options(synchronize_session=False))
        for one in found:
            session.expunge(one)
    return [(one, kept[one.id]) for one in found]


async def _times_kept(session: AsyncSession, held: Sequence[Hold]) -> dict[int, list[_Period]]:
    """Return the coach's times that holds keep. Only a request keeps several: those of all its lessons."""
    kept = {one.id: [(one.starts_at, one.ends_at)] for one in held}
    requests = [one.id for one in held if one.purpose is HoldPurpose.REQUEST]
    if requests:
        reserved = (
            select(Reservation.hold_id, Reservation.starts_at, Reservation.ends_at)
            .join(Hold, and_(Hold.id == Reservation.hold_id, Hold.coach_id == Reservation.user_id))
            .where(Reservation.hold_id.in_(requests))
            .order_by(Reservation.starts_at)
        )
        for hold_id in requests:
            kept[hold_id] = []
        for hold_id, starts_at, ends_at in await session.execute(reserved):
            if hold_id is not None:
                kept[hold_id].append((starts_at, ends_at))
    return kept


async def _announce(
    session: AsyncSession, held: Hold, times: Sequence[_Period], now: datetime, *, ran_out: bool = False
) -> None:
    if held.session_id is not None:  # a seat, which takes nothing from the coach
        if ran_out or held.next_step_at is not None:  # otherwise it was announced, or the waiting list keeps it
            await announce_seat(session, FreedSeat(held.session_id, held.student_id), now)
    elif held.purpose is not HoldPurpose.OFFER:  # the waiting list knows of its own
        for starts_at, ends_at in times:
            await announce(session, Freed(held.coach_id, starts_at, ends_at, held.student_id), now)


def is_chosen_by(guild_id: int, student_id: int) -> ColumnElement[bool]:
    """Whether a hold is what the student is choosing in this server. There's at most one."""
    is_choosing = Hold.purpose == HoldPurpose.CHOOSING
    return and_(Hold.guild_id == guild_id, Hold.student_id == student_id, is_choosing)


def is_releasable(guild_id: int, coach_id: int, student_id: int, now: datetime) -> ColumnElement[bool]:
    """Whether a hold doesn't get in the way when these two take a time."""
    people_ids = (coach_id, student_id)
    involves = or_(Hold.coach_id.in_(people_ids), Hold.student_id.in_(people_ids))
    return or_(is_chosen_by(guild_id, student_id), and_(Hold.expires_at <= now, involves))
