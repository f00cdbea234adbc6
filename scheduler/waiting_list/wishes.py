"""Wishes: what students wait for, and their places in line."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    BlockedFrom,
    Coach,
    CoachingSession,
    Guild,
    Member,
    NotificationKind,
    ParticipantStatus,
    SessionStatus,
    Wish,
    WishEnd,
    Workshop,
)
from scheduler.availability import coach_search, free_times, reader_zone
from scheduler.booking import blocks, eligibility
from scheduler.core import audit, coaches, members
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, NotBookable, NotFound, TooLate, Unreadable
from scheduler.notifications import outbox
from scheduler.time.time_zones import zone
from scheduler.waiting_list import gate
from scheduler.waiting_list.rules import EVERY_DAY, LONGEST_WAIT, MOST_WISHES, Wanted
from scheduler.workshops import seats, workshops

LONGEST_DAY = 24 * 60


class Place(NamedTuple):
    """An open wish, and where it is in line."""

    wish: Wish
    place: int
    """1 is the first."""
    coach_name: str | None
    """None if any coach will do."""
    workshop: Workshop | None = None
    """The workshop, if they wait for a seat there."""


def wanted_by(wish: Wish) -> Wanted:
    """Return what would suit whoever has this wish."""
    return Wanted(wish.weekdays, wish.from_minute, wish.until_minute, wish.until)


async def add(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    coach_id: int | None,
    minutes: int,
    wanted: Wanted,
    now: datetime,
) -> Wish:
    """Put the actor on the waiting list, at the end of the line. Wishing the same again returns the first wish.

    Without a coach, any will do. Raises NotFound for someone who doesn't coach here, NotBookable for oneself, a
    length that isn't offered, or if a time that suits is free now, Unreadable for days, hours or an end that can't
    be, TooLate if the actor has too many wishes, Blocked if they can't book here.
    """
    await members.lock(session, actor.user_id)
    await blocks.require_unblocked(session, guild.id, actor.user_id, BlockedFrom.BOOKING)
    _check(wanted, now)
    found = await _coaches(session, guild.id, actor, coach_id)
    offered = [one for one in found if minutes in one.durations_minutes]
    if not offered:
        who = "This coach doesn't" if coach_id is not None else "Nobody here"
        what = "offer" if coach_id is not None else "offers"
        raise NotBookable(f"{who} {what} sessions of {minutes} minutes. Choose another length.")
    open_ones = await open_wishes(session, [guild.id], actor.user_id, now)
    asked = (coach_id, minutes, wanted)
    for one in open_ones:
        if one.session_id is None and (one.coach_id, one.minutes, wanted_by(one)) == asked:
            return one
    _check_number(open_ones)
    wish = Wish(
        guild_id=guild.id,
        user_id=actor.user_id,
        coach_id=coach_id,
        minutes=minutes,
        weekdays=wanted.weekdays,
        from_minute=wanted.from_minute,
        until_minute=wanted.until_minute,
        until=wanted.until,
        created_at=now,
        next_step_at=wanted.until,
    )
    await _store(session, wish, now)
    await _require_nothing_free(session, guild, actor, offered, minutes, wanted, now)
    return wish


async def add_for_seat(session: AsyncSession, session_id: int, actor: Actor, now: datetime) -> Wish:
    """Put the actor in line for a seat in a full workshop. Doing it twice returns the first wish.

    Raises NotFound, TooLate once it has started or was cancelled, or if the actor has too many wishes, NotBookable
    for its coach, for someone who has a seat, or if one is free, Blocked if they can't book here.
    """
    await members.lock(session, actor.user_id)
    workshop = await workshops.find(session, session_id, None)
    row = workshop.session
    guild = await session.get_one(Guild, row.guild_id)
    await blocks.require_unblocked(session, guild.id, actor.user_id, BlockedFrom.BOOKING)
    seats.check_open(row, now)
    if actor.user_id == row.coach_id:
        raise NotBookable("This is your own workshop: you're in it without a seat.")
    seat = row.participant(actor.user_id)
    if seat is not None and seat.status is not ParticipantStatus.LEFT:
        raise NotBookable("You have a seat in this workshop already. `/sessions` lists it.")
    open_ones = await open_wishes(session, [guild.id], actor.user_id, now)
    if (known := next((one for one in open_ones if one.session_id == session_id), None)) is not None:
        return known
    _check_number(open_ones)
    wish = Wish(
        guild_id=guild.id,
        user_id=actor.user_id,
        coach_id=row.coach_id,
        session_id=session_id,
        minutes=row.duration // timedelta(minutes=1),
        weekdays=EVERY_DAY,
        from_minute=0,
        until_minute=LONGEST_DAY,
        until=row.starts_at,
        created_at=now,
        next_step_at=row.starts_at,
    )
    await _store(session, wish, now)
    await gate.while_joining(session, guild.id)
    free = await seats.free_seats(session, [session_id], now, user_id=actor.user_id, wish_id=wish.id)
    if free[session_id]:
        raise NotBookable("You needn't wait: a seat is free. Press **Take a seat**.")
    return wish


def _check_number(open_ones: Sequence[Wish]) -> None:
    if len(open_ones) >= MOST_WISHES:
        raise TooLate(f"You're waiting for {MOST_WISHES} things already. End one of them in `/sessions` first.")


async def _store(session: AsyncSession, wish: Wish, now: datetime) -> None:
    session.add(wish)
    # They've just asked to be messaged, so their messages may be open again.
    (await session.get_one(Member, wish.user_id)).dms_closed_at = None
    _record(session, wish, "wish_made", now, actor_id=wish.user_id)
    await session.flush()


def _check(wanted: Wanted, now: datetime) -> None:
    if not 0 < wanted.weekdays < 1 << 7:
        raise Unreadable("Choose at least one day.")
    if not 0 <= wanted.from_minute < wanted.until_minute <= LONGEST_DAY:
        raise Unreadable('Type the hours that suit you, like "9-17".')
    if wanted.until <= now:
        raise Unreadable("That day is in the past. Choose a later one.")
    if wanted.until > now + LONGEST_WAIT:
        raise Unreadable(f"You can wait for up to {LONGEST_WAIT.days} days. Choose an earlier day.")


async def _coaches(session: AsyncSession, guild_id: int, actor: Actor, coach_id: int | None) -> Sequence[Coach]:
    if coach_id is None:
        found = await coach_search.find_coaches(session, guild_id, "", paused_too=True)
        return [one for one in found if one.user_id != actor.user_id]
    coach = await coaches.approved_coach(session, guild_id, coach_id)
    eligibility.check_offered(coach, actor)
    return [coach]


async def _require_nothing_free(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    found: Sequence[Coach],
    minutes: int,
    wanted: Wanted,
    now: datetime,
) -> None:
    """Raise NotBookable if they needn't wait. The wish is stored, so whoever frees time later sees it."""
    await gate.while_joining(session, guild.id)
    duration = timedelta(minutes=minutes)
    known = await free_times.calendars(
        session, found, student_id=actor.user_id, now=now, since=now, until=wanted.until + duration
    )
    clock = zone(await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone))
    for coach in found:
        for at in known[coach.user_id].free(duration, now=now, since=now, until=wanted.until):
            if wanted.suits(at, at + duration, clock):
                raise NotBookable(
                    f"You needn't wait: {coach.display_name} is free {stamp(at)}. Book it with `/book`."
                )


async def open_wishes(
    session: AsyncSession, guild_ids: Collection[int], user_id: int, now: datetime | None = None
) -> list[Wish]:
    """Return what this person waits for in these servers, oldest first.

    Given `now`, leaves out those whose last day is over. The tick may be late to end them.
    """
    theirs = Wish.user_id == user_id, Wish.guild_id.in_(guild_ids), Wish.ended_at.is_(None)
    still = [Wish.until > now] if now is not None else []
    return list(await session.scalars(select(Wish).where(*theirs, *still).order_by(Wish.id)))


async def places(session: AsyncSession, guild_ids: Collection[int], user_id: int, now: datetime) -> list[Place]:
    """Return what this person waits for in these servers, and their places in line.

    Before them is everyone who was there earlier and waits for the same coach, whatever else they want, or for a
    seat in the same workshop.
    """
    found: list[Place] = []
    for wish in await open_wishes(session, guild_ids, user_id, now):
        still = Wish.ended_at.is_(None), Wish.until > now
        others = and_(Wish.guild_id == wish.guild_id, Wish.id < wish.id, *still)
        before = select(func.count(func.distinct(Wish.user_id))).where(others, Wish.user_id != user_id)
        ahead = await session.scalar(before.where(_is_same_line(wish))) or 0
        coach = await session.get(Coach, (wish.guild_id, wish.coach_id)) if wish.coach_id is not None else None
        workshop = await session.get(Workshop, wish.session_id) if wish.session_id is not None else None
        found.append(Place(wish, ahead + 1, coach.display_name if coach is not None else None, workshop))
    return found


def _is_same_line(wish: Wish) -> ColumnElement[bool]:
    if wish.session_id is not None:
        return Wish.session_id == wish.session_id
    whose = true() if wish.coach_id is None else or_(Wish.coach_id == wish.coach_id, Wish.coach_id.is_(None))
    return and_(Wish.session_id.is_(None), whose)


async def follow_cancelled(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Have the next tick end what people wait for in a workshop that was cancelled."""
    if row.is_workshop:
        waiting = update(Wish).where(Wish.session_id == row.id, Wish.ended_at.is_(None))
        await session.execute(waiting.values(next_step_at=now).execution_options(synchronize_session=False))


async def is_for_cancelled(session: AsyncSession, wish: Wish) -> bool:
    """Return whether they wait for a seat in a workshop that was cancelled."""
    if wish.session_id is None:
        return False
    return (await session.get_one(CoachingSession, wish.session_id)).status is SessionStatus.CANCELLED


async def lock_own(session: AsyncSession, wish_id: int, actor: Actor) -> Wish:
    """Lock an open wish of the actor's. Raises NotFound to everyone else, AlreadyDecided if it has ended."""
    found = await session.get(Wish, wish_id)
    if found is None or found.user_id != actor.user_id:
        raise NotFound("You have no such wish. `/sessions` lists what you're waiting for.")
    await members.lock(session, actor.user_id)
    wish = await session.get_one(Wish, wish_id, with_for_update=True, populate_existing=True)
    if wish.ended_at is not None:
        raise AlreadyDecided("You aren't waiting for this any more. `/sessions` lists what you're waiting for.")
    return wish


def mark_ended(
    session: AsyncSession, wish: Wish, reason: WishEnd, now: datetime, *, actor_id: int | None = None
) -> None:
    """End a wish, and tell the student unless they did it themselves. Its open offers are the caller's."""
    wish.ended_at, wish.end_reason, wish.next_step_at = now, reason, None
    if reason in (WishEnd.EXPIRED, WishEnd.UNANSWERED, WishEnd.CANCELLED):
        kind = NotificationKind.WISH_ENDED
        outbox.enqueue(
            session, kind, wish.guild_id, now=now, user_id=wish.user_id, coach_id=wish.coach_id, wish_id=wish.id
        )
    _record(session, wish, f"wish_{reason}", now, actor_id=actor_id)


def _record(session: AsyncSession, wish: Wish, action: str, now: datetime, *, actor_id: int | None) -> None:
    audit.record(
        session,
        wish.guild_id,
        action,
        at=now,
        actor_id=actor_id,
        coach_id=wish.coach_id,
        member_id=wish.user_id,
        session_id=wish.session_id,
        details={"minutes": wish.minutes},
    )
