"""Show admins everything about a session, and let them retry it when it's stuck."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    AuditEntry,
    Block,
    CoachingSession,
    Lesson,
    Notification,
    NotificationKind,
    Offer,
    Series,
    Workshop,
)
from scheduler.attendance import attendance
from scheduler.attendance.attendance import Presence
from scheduler.booking import blocks, cancellation
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound, TooLate
from scheduler.notifications import outbox
from scheduler.reports import waiting_list
from scheduler.sessions import charge_standing, events, lifecycle, lookup
from scheduler.sessions.charge_standing import ChargeStanding


class SessionHistory(NamedTuple):
    """Everything known about a session."""

    session: CoachingSession
    entries: list[AuditEntry]
    """Its audit log, oldest first."""
    notifications: list[Notification]
    attended: dict[int, Presence]
    blocked: Sequence[Block]
    """What its student is blocked from."""
    can_only_end: bool
    """Whether it can only be ended, because it's too late to cancel."""
    standing: ChargeStanding | None
    """What this admin can do about what it cost."""
    offers: Sequence[Offer]
    """To whom its time was offered, and from which offer it was booked."""
    workshop: Workshop | None
    """What it adds if it's for several people."""
    lesson: Lesson | None
    """Which of weekly lessons it is."""
    series: Series | None


async def get_history(
    session: AsyncSession, guild_id: int, code: str, actor: Actor, now: datetime
) -> SessionHistory:
    """Return everything about the session with this code, for admins. Raises NotAllowed or NotFound."""
    actor.must_be_admin()
    row = await session.scalar(
        select(CoachingSession).where(
            CoachingSession.code == read_code(code), CoachingSession.guild_id == guild_id
        )
    )
    if row is None:
        raise NotFound("No session on this server has that code. It's on every message about a session.")
    entries = select(AuditEntry).where(AuditEntry.session_id == row.id).order_by(AuditEntry.at, AuditEntry.id)
    enqueued = (
        select(Notification)
        .where(Notification.session_id == row.id, Notification.kind.in_(NotificationKind))
        .order_by(Notification.id)
    )
    standings = await charge_standing.standings(session, [row], actor.user_id, now, is_admin=True)
    only = row.participant_or_only(None)
    lesson = await session.scalar(select(Lesson).where(Lesson.session_id == row.id))
    return SessionHistory(
        row,
        list(await session.scalars(entries)),
        list(await session.scalars(enqueued)),
        await attendance.attended(session, row, now),
        await blocks.list_blocks(session, guild_id, only.user_id) if only is not None else [],
        await cancellation.can_only_be_ended(session, row, now),
        standings.get(row.id),
        await waiting_list.offers_about(session, row),
        (await lookup.workshops_of(session, [row])).get(row.id),
        lesson,
        await session.get_one(Series, lesson.series_id) if lesson is not None else None,
    )


def read_code(typed: str) -> str:
    """Return the code in a typed code or room name."""
    return typed.strip().lower().removeprefix("coaching-session-")


async def find_by_code_start(
    session: AsyncSession, guild_id: int, typed: str, *, most: int
) -> Sequence[CoachingSession]:
    """Return sessions of this server whose code starts with what was typed, latest first."""
    theirs = CoachingSession.guild_id == guild_id
    begins = CoachingSession.code.startswith(read_code(typed), autoescape=True)
    latest = CoachingSession.starts_at.desc(), CoachingSession.id.desc()
    found = await session.scalars(select(CoachingSession).where(theirs, begins).order_by(*latest).limit(most))
    return found.all()


async def get_code(session: AsyncSession, guild_id: int, session_id: int) -> str:
    """Return the code of one of this server's sessions. Raises NotFound."""
    return (await _get(session, guild_id, session_id)).code


async def retry(session: AsyncSession, guild_id: int, session_id: int, actor: Actor, now: datetime) -> str:
    """Retry a session's failed steps and messages now. Returns its code.

    Raises NotAllowed or NotFound.
    """
    row = await _locked(session, guild_id, session_id, actor)
    if row.next_step_at is not None or row.last_error is not None:  # the latter if we had given up
        row.next_step_at, row.attempts, row.rooms_lost = now, 0, 0
    failed = select(Notification).where(
        Notification.session_id == row.id,
        Notification.sent_at.is_(None),
        Notification.attempts > 0,
        Notification.due_at.is_not(None),
    )
    for notification in await session.scalars(failed):
        outbox.requeue(notification, now)
    events.record(session, row, "session_retried", actor, now)
    return row.code


async def repair_room(session: AsyncSession, guild_id: int, session_id: int, actor: Actor, now: datetime) -> str:
    """Have the room found or recreated, and its permissions reset. Returns the session's code.

    Raises NotAllowed, NotFound, or TooLate if the session no longer needs a room.
    """
    row = await _locked(session, guild_id, session_id, actor)
    if lifecycle.is_over(row, now):
        raise TooLate("This session no longer needs a room.")
    row.discord_setup_complete, row.access_granted_at = False, None
    row.next_step_at, row.attempts, row.rooms_lost = now, 0, 0
    events.record(session, row, "room_repaired", actor, now)
    return row.code


async def _locked(session: AsyncSession, guild_id: int, session_id: int, actor: Actor) -> CoachingSession:
    actor.must_be_admin()
    return await _get(session, guild_id, session_id, with_for_update=True, populate_existing=True)


async def _get(session: AsyncSession, guild_id: int, session_id: int, **how: Any) -> CoachingSession:
    row = await session.get(CoachingSession, session_id, **how)
    if row is None or row.guild_id != guild_id:
        raise NotFound("There's no such session on this server.")
    return row
