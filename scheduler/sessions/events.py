"""Recording what happens to a session, notifying its people, and calling it off."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, NotificationKind, Participant, Reservation, SessionStatus
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.notifications import outbox
from scheduler.sessions import planning
from scheduler.sessions.freed_times import Freed, announce

Settle = Callable[[AsyncSession, Participant, datetime], Awaitable[None]]
_settling: list[Settle] = []
Follow = Callable[[AsyncSession, CoachingSession, datetime], Awaitable[None]]
_called_off: list[Follow] = []
_rescheduled: list[Follow] = []


def on_settled(*settling: Settle) -> None:
    """Register what else follows, in the same transaction, when it's decided or changed how a session ended.

    It follows for each participant by themselves.
    """
    _settling.extend(settling)


def on_called_off(*following: Follow) -> None:
    """Register what else follows, in the same transaction, when a session is cancelled."""
    _called_off.extend(following)


def on_rescheduled(*following: Follow) -> None:
    """Register what else follows, in the same transaction, when a session is rescheduled."""
    _rescheduled.extend(following)


async def follow_rescheduled(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Do what follows once a session has another time."""
    for follow in _rescheduled:
        await follow(session, row, now)


async def settle(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Do what follows from how a session ended. Call it after each change, with the row locked."""
    for participant in row.participants:
        await settle_one(session, participant, now)


async def settle_one(session: AsyncSession, participant: Participant, now: datetime) -> None:
    """Do what follows for one participant only. The session must be locked."""
    for one in _settling:
        await one(session, participant, now)


def notify_people(
    session: AsyncSession,
    row: CoachingSession,
    kind: NotificationKind,
    now: datetime,
    *,
    except_for: int | None = None,
) -> None:
    """Notify the coach and those who take part about their session, except whoever already knows."""
    coach_id, *participant_ids = row.people
    for user_id in (one for one in (*participant_ids, coach_id) if one != except_for):
        outbox.enqueue(session, kind, row.guild_id, now=now, user_id=user_id, session_id=row.id)


def record(
    session: AsyncSession, row: CoachingSession, action: str, actor: Actor, now: datetime, **details: int
) -> None:
    """Record in the audit log what someone did with a session."""
    about = {"coach_id": row.coach_id, "session_id": row.id, "details": details}
    audit.record(session, row.guild_id, action, at=now, actor_id=actor.user_id, **about)


def record_by_bot(
    session: AsyncSession, row: CoachingSession, action: str, now: datetime, **details: int | None
) -> None:
    """Record in the audit log what the bot did with a session."""
    audit.record(session, row.guild_id, action, at=now, coach_id=row.coach_id, session_id=row.id, details=details)


async def call_off(
    session: AsyncSession,
    found: CoachingSession,
    guild: Guild,
    reason: str,
    now: datetime,
    *,
    by: Actor | None = None,
    except_for: int | None = None,
    is_quiet: bool = False,
) -> None:
    """Cancel without checking permission: free the time, let the room go, notify all except `except_for`.

    Without `by`, the bot did it. `is_quiet`: notify nobody, because one message tells of several.
    """
    found.status = SessionStatus.CANCELLED
    found.cancelled_at, found.cancelled_by = now, by.user_id if by else None
    found.cancel_reason = reason.strip() or None
    found.updated_at = now
    found.attempts, found.last_error = 0, None
    found.revision += 1
    planning.plan_next_step(found, guild, now)
    await _free(session, found, now)
    await outbox.drop(session, found.id, [NotificationKind.SESSION_REMINDER], "the session was cancelled", now)
    if not is_quiet:
        notify_people(session, found, NotificationKind.SESSION_CANCELLED, now, except_for=except_for)
    await update_room_messages(session, found, now)
    await outbox.requeue_direct(session, found.id, now)
    await settle(session, found, now)
    for follow in _called_off:
        await follow(session, found, now)


async def _free(session: AsyncSession, found: CoachingSession, now: datetime) -> None:
    """Free the time of all its people, and announce the coach's, with the buffers."""
    its = Reservation.session_id == found.id
    taken = select(Reservation.starts_at, Reservation.ends_at).where(its, Reservation.user_id == found.coach_id)
    periods = list(await session.execute(taken))
    await session.execute(delete(Reservation).where(its))
    for starts_at, ends_at in periods:
        only = found.participant_or_only(None)
        await announce(session, Freed(found.coach_id, starts_at, ends_at, only.user_id if only else None), now)


async def update_room_messages(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Update the messages in the room that have buttons. Of requests to extend it, only the newest can be open."""
    for kind in (NotificationKind.ROOM_WELCOME, NotificationKind.ROOM_ENDING):
        await outbox.requeue_sent(session, row.id, kind, now)
    await outbox.requeue_newest(session, row.id, NotificationKind.ROOM_EXTENSION, now)
