"""What people still have to be told: notifications enqueued, brought up to date, and dropped."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Notification, NotificationKind


class PlannedNotification(NamedTuple):
    """A direct message about a session, as `enqueue_all` takes it."""

    kind: NotificationKind
    guild_id: int
    user_id: int
    session_id: int
    due_at: datetime
    lead_minutes: int | None = None


def enqueue(
    session: AsyncSession,
    kind: NotificationKind,
    guild_id: int,
    *,
    now: datetime,
    user_id: int | None = None,
    coach_id: int | None = None,
    session_id: int | None = None,
    alert_id: int | None = None,
    due_at: datetime | None = None,
    lead_minutes: int | None = None,
) -> Notification:
    """Enqueue a message, in the transaction that makes it necessary.

    It goes out with the next tick, or with the first one from `due_at` on.
    """
    notification = Notification(
        guild_id=guild_id,
        kind=kind,
        user_id=user_id,
        coach_id=coach_id,
        session_id=session_id,
        alert_id=alert_id,
        lead_minutes=lead_minutes,
        created_at=now,
        due_at=due_at or now,
    )
    session.add(notification)
    return notification


async def enqueue_all(session: AsyncSession, planned: Iterable[PlannedNotification], now: datetime) -> None:
    """Enqueue several messages with one statement, which costs a booking much less than a row each."""
    rows = [one._asdict() | {"created_at": now} for one in planned]
    if rows:
        # Else there would be one statement for those with a lead and one for those without.
        await session.execute(insert(Notification).execution_options(render_nulls=True), rows)


async def enqueue_newest(
    session: AsyncSession, kind: NotificationKind, guild_id: int, *, now: datetime, user_id: int, session_id: int
) -> None:
    """Like `enqueue`, but of several that are not out yet one is enough: it tells what is true by then.

    One that is being written on just now is left alone: waiting for it could be waiting in a circle.
    """
    waiting = await session.scalar(
        select(Notification)
        .where(
            Notification.session_id == session_id,
            Notification.user_id == user_id,
            Notification.kind == kind,
            Notification.sent_at.is_(None),
            Notification.due_at.is_not(None),
        )
        .order_by(Notification.id.desc())
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if waiting is None:
        enqueue(session, kind, guild_id, now=now, user_id=user_id, session_id=session_id)
    else:
        requeue(waiting, now)


def requeue(notification: Notification, now: datetime) -> None:
    """Bring a message up to date, or send it if it has not gone out yet."""
    notification.revision += 1
    notification.due_at = now
    notification.attempts = 0
    notification.given_up_at = notification.undeliverable_at = None


async def requeue_sent(session: AsyncSession, session_id: int, kind: NotificationKind, now: datetime) -> None:
    """Bring up to date what was said of a session in this way."""
    sent = select(Notification).where(Notification.session_id == session_id, Notification.kind == kind)
    for notification in await session.scalars(sent.where(Notification.message_id.is_not(None))):
        requeue(notification, now)


async def requeue_newest(session: AsyncSession, session_id: int, kind: NotificationKind, now: datetime) -> None:
    """Update the newest message of this kind about a session. Older ones stay as they are."""
    newest = (
        select(Notification)
        .where(Notification.session_id == session_id, Notification.kind == kind)
        .order_by(Notification.id.desc())
    )
    notification = await session.scalar(newest.limit(1))
    if notification is not None and notification.message_id is not None:
        requeue(notification, now)


async def drop(
    session: AsyncSession, session_id: int, kinds: Collection[NotificationKind], why: str, now: datetime
) -> None:
    """Take back what is enqueued about a session and has not gone out."""
    await session.execute(
        update(Notification)
        .where(
            Notification.session_id == session_id,
            Notification.kind.in_(kinds),
            Notification.due_at.is_not(None),
            Notification.sent_at.is_(None),
        )
        .values(due_at=None, given_up_at=now, last_error=why, revision=Notification.revision + 1)
    )


async def application_card(session: AsyncSession, guild_id: int, coach_id: int) -> Notification | None:
    """The newest card about this person's application."""
    return await session.scalar(
        select(Notification)
        .where(
            Notification.guild_id == guild_id,
            Notification.coach_id == coach_id,
            Notification.kind == NotificationKind.APPLICATION_CARD,
        )
        .order_by(Notification.id.desc())
        .limit(1)
    )
