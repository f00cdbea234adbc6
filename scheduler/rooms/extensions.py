"""Extending a running session by a quarter of an hour: one of the two asks, the other agrees."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import and_, exists, false, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    LONGEST_RESERVATION,
    AuditEntry,
    CoachingSession,
    ExtensionPrice,
    Guild,
    Hold,
    Notification,
    NotificationKind,
    Reservation,
)
from scheduler.availability import closed_times
from scheduler.booking import releases, reservations
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, CoachingError, NotAllowed, NotBookable
from scheduler.notifications import outbox
from scheduler.parsing.money import share, write_money
from scheduler.rooms import rooms
from scheduler.rooms.in_room import lock_running
from scheduler.sessions import events, lifecycle, planning

EXTENSION = timedelta(minutes=15)
_ASKED = "extension_asked"


class Terms(NamedTuple):
    """What people agree to when they extend a session."""

    ends_at: datetime
    extra_minor: int
    """What it adds to the price, in minor units."""


class Answer(StrEnum):
    """What became of a request. The values of those that someone gave are the audit log's actions."""

    OPEN = "open"
    AGREED = "session_extended"
    DECLINED = "extension_declined"
    TAKEN_BACK = "extension_taken_back"
    LAPSED = "lapsed"


class TermsChanged(CoachingError):
    """What someone pressed isn't what the server offers now."""

    def __init__(self, found: CoachingSession, terms: Terms) -> None:
        self.session_id, self.terms = found.id, terms
        super().__init__(f"15 more minutes are {write_extra(terms.extra_minor, found.currency)} here.")


def terms_of(row: CoachingSession, guild: Guild) -> Terms:
    """Return the terms of the next extension: those of the open request, or else what the server offers."""
    if row.extension_asked_at is not None:
        return Terms(row.ends_at + EXTENSION, row.extension_cost_minor or 0)
    is_free = guild.extension_price is ExtensionPrice.SAME
    extra = 0 if is_free else share(row.student.booked_worth, EXTENSION, row.booked_duration)
    return Terms(row.ends_at + EXTENSION, extra)


def write_extra(extra_minor: int, currency: str) -> str:
    """Write what an extension adds to the price: "$15.00 more", "at no extra cost"."""
    return f"{write_money(extra_minor, currency)} more" if extra_minor else "at no extra cost"


async def offer(session: AsyncSession, row: CoachingSession, guild: Guild, now: datetime) -> Terms | None:
    """Return the terms on which people can ask for more time, as `ask` would find it now. None if they can't."""
    if lifecycle.is_over(row, now) or row.extension_asked_at is not None:
        return None
    return None if await _why_not(session, row, guild, now) else terms_of(row, guild)


async def ask(
    session: AsyncSession, session_id: int, actor: Actor, terms: Terms | None, now: datetime
) -> CoachingSession:
    """Ask the other person for a quarter of an hour more, on the terms the actor saw.

    Asking for what the other person has asked for is agreeing. Asking again, or for an end that's agreed already,
    changes nothing. Raises TermsChanged if the server offers other terms or none were shown, NotFound to anyone
    but its coach and student, TooEarly, TooLate, NotBookable.
    """
    found = await lock_running(session, session_id, actor, None, now)
    guild = await session.get_one(Guild, found.guild_id)
    if terms is not None and terms.ends_at <= found.ends_at:
        return found
    is_open = found.extension_asked_at is not None
    if is_open and found.extension_asked_by == actor.user_id:
        return found
    if not is_open and (why_not := await _why_not(session, found, guild, now)) is not None:
        raise NotBookable(why_not)
    if terms != (current := terms_of(found, guild)):
        raise TermsChanged(found, current)
    if is_open:
        return await _extend(session, found, guild, actor, now)
    found.extension_asked_by, found.extension_asked_at = actor.user_id, now
    found.extension_cost_minor, found.updated_at = current.extra_minor, now
    found.extensions_asked += 1
    await events.update_room_messages(session, found, now)
    outbox.enqueue(session, NotificationKind.ROOM_EXTENSION, found.guild_id, now=now, session_id=found.id)
    events.record(session, found, _ASKED, actor, now)
    return found


async def agree(
    session: AsyncSession, session_id: int, actor: Actor, terms: Terms, now: datetime
) -> CoachingSession:
    """Agree to the open request, which extends the session if both people are free.

    If they aren't, the request stays open: what's in the way may be a hold that expires. Agreeing twice extends
    once. Raises NotFound to anyone but its coach and student, NotAllowed to whoever asked, AlreadyDecided if
    there's no such request any more, TooEarly, TooLate, NotBookable.
    """
    found = await lock_running(session, session_id, actor, None, now)
    if terms.ends_at <= found.ends_at:
        return found
    guild = await session.get_one(Guild, found.guild_id)
    _check_open(found, guild, terms)
    if found.extension_asked_by == actor.user_id:
        raise NotAllowed(f"You asked for this, so <@{found.other(actor.user_id)}> has to accept it.")
    return await _extend(session, found, guild, actor, now)


async def decline(
    session: AsyncSession, session_id: int, actor: Actor, terms: Terms, now: datetime
) -> CoachingSession:
    """Decline the open request, or take it back if the actor asked. What's taken back doesn't count as asked.

    Raises NotFound to anyone but its coach and student, AlreadyDecided if there's no such request any more,
    TooEarly, TooLate.
    """
    found = await lock_running(session, session_id, actor, None, now)
    _check_open(found, await session.get_one(Guild, found.guild_id), terms)
    answer = Answer.DECLINED
    if found.extension_asked_by == actor.user_id:
        answer = Answer.TAKEN_BACK
        found.extensions_asked -= 1
    _close(found, now)
    await events.update_room_messages(session, found, now)
    events.record(session, found, answer, actor, now)
    return found


async def answer_to(session: AsyncSession, row: CoachingSession, request: Notification, now: datetime) -> Answer:
    """Say what became of a request, by the message that made it."""
    of_kind = Notification.session_id == row.id, Notification.kind == request.kind
    newest = await session.scalar(
        select(Notification.id).where(*of_kind).order_by(Notification.id.desc()).limit(1)
    )
    is_newest = newest == request.id
    if is_newest and row.extension_asked_at is not None:
        return Answer.LAPSED if lifecycle.is_over(row, now) else Answer.OPEN
    given = select(AuditEntry.action).where(
        AuditEntry.session_id == row.id,
        AuditEntry.action.in_([Answer.AGREED, Answer.DECLINED, Answer.TAKEN_BACK]),
        AuditEntry.at >= request.created_at,
    )
    order = AuditEntry.id.desc() if is_newest else AuditEntry.id
    found = await session.scalar(given.order_by(order).limit(1))
    return Answer(found) if found is not None else Answer.LAPSED


async def _extend(
    session: AsyncSession, found: CoachingSession, guild: Guild, actor: Actor, now: datetime
) -> CoachingSession:
    terms = terms_of(found, guild)
    await releases.release_holds(session, found.guild_id, found.coach_id, found.student_id, now)
    try:
        async with session.begin_nested():
            await reservations.shift_end(session, found, terms.ends_at, now)
    except IntegrityError as error:
        if reservations.GUARD not in str(error.orig):
            raise
        raise NotBookable(_no_room(found)) from error
    if found.booked_ends_at is None:
        found.booked_ends_at, found.student.booked_cost_minor = found.ends_at, found.student.total_cost_minor
    found.ends_at, found.student.total_cost_minor = (
        terms.ends_at,
        found.student.total_cost_minor + terms.extra_minor,
    )
    found.revision += 1
    _close(found, now)
    planning.plan_next_step(found, guild, now)
    await rooms.plan_warning(session, found, now)
    await events.update_room_messages(session, found, now)
    await outbox.requeue_direct(session, found.id, now)
    events.record(session, found, Answer.AGREED, actor, now)
    return found


def _close(found: CoachingSession, now: datetime) -> None:
    found.extension_asked_by = found.extension_asked_at = found.extension_cost_minor = None
    found.updated_at = now


def _check_open(found: CoachingSession, guild: Guild, terms: Terms) -> None:
    if found.extension_asked_at is None or terms_of(found, guild) != terms:
        raise AlreadyDecided("That request isn't open any more. If you need more time, press **+15 minutes**.")


async def _why_not(session: AsyncSession, row: CoachingSession, guild: Guild, now: datetime) -> str | None:
    """Say why nobody can ask for more time. None if they can."""
    if row.is_workshop:
        return "A workshop can't be extended, since everybody would have to agree."
    if row.extensions_asked >= guild.most_extensions:
        return "You can't ask for more time in this session. Book another one with `/book`."
    reserved = await reservations.reservations_of(session, row)
    if any(one.ends_at + EXTENSION - one.starts_at > LONGEST_RESERVATION for one in reserved):
        return "This session can't get any longer. Book another one with `/book`."
    if await closed_times.is_closed(session, row.guild_id, row.ends_at, row.ends_at + EXTENSION):
        return "15 more minutes don't fit: the server is closed then."
    return None if await _are_free(session, row, reserved, now) else _no_room(row)


def _no_room(row: CoachingSession) -> str:
    return f"15 more minutes don't fit: one of you is booked soon after {stamp(row.ends_at, 't')}."


async def _are_free(
    session: AsyncSession, row: CoachingSession, reserved: list[Reservation], now: datetime
) -> bool:
    in_the_way = or_(
        false(),
        *(
            and_(
                Reservation.user_id == one.user_id,
                Reservation.starts_at < one.ends_at + EXTENSION,
                # Without this, the query reads everything they ever had.
                Reservation.starts_at > one.ends_at - LONGEST_RESERVATION,
                Reservation.ends_at > one.ends_at,
            )
            for one in reserved
        ),
    )
    is_released = releases.is_releasable(row.guild_id, row.coach_id, row.student_id, now)
    released = exists().where(Hold.id == Reservation.hold_id, is_released)
    conflict = select(Reservation.id).where(in_the_way, ~released)
    return await session.scalar(conflict.limit(1)) is None
