"""The outbox: messages to send, kept until delivered."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Notification, NotificationKind
from scheduler.notifications import kinds


class PlannedNotification(NamedTuple):
    """A direct message, most often about a session, as `enqueue_all` takes it."""

    kind: NotificationKind
    guild_id: int
    user_id: int
    session_id: int | None
    due_at: datetime
    lead_minutes: int | None = None


def enqueue(
    session: AsyncSession,
    kind: NotificationKind,
    guild_id: int,
    *,
    now: datetime,
    user_id: int | None = None,
    about_user_id: int | None = None,
    coach_id: int | None = None,
    session_id: int | None = None,
    alert_id: int | None = None,
    lot_id: int | None = None,
    payment_id: int | None = None,
    order_id: int | None = None,
    offer_id: int | None = None,
    wish_id: int | None = None,
    series_id: int | None = None,
    absence_id: int | None = None,
    substitution_id: int | None = None,
    due_at: datetime | None = None,
    lead_minutes: int | None = None,
) -> Notification:
    """Enqueue a message, in the transaction that makes it necessary.

    The next tick sends it, or the first one after `due_at`.
    """
    notification = Notification(
        guild_id=guild_id,
        kind=kind,
        user_id=user_id,
        about_user_id=about_user_id,
        coach_id=coach_id,
        session_id=session_id,
        alert_id=alert_id,
        lot_id=lot_id,
        payment_id=payment_id,
        order_id=order_id,
        offer_id=offer_id,
        wish_id=wish_id,
        series_id=series_id,
        absence_id=absence_id,
        substitution_id=substitution_id,
        lead_minutes=lead_minutes,
        created_at=now,
        due_at=due_at or now,
    )
    session.add(notification)
    return notification


def enqueue_to_coach(
    session: AsyncSession, kind: NotificationKind, guild_id: int, coach_id: int, now: datetime
) -> None:
    """Enqueue a direct message to a coach about their own coaching."""
    enqueue(session, kind, guild_id, now=now, user_id=coach_id, coach_id=coach_id)


async def enqueue_all(session: AsyncSession, planned: Iterable[PlannedNotification], now: datetime) -> None:
    """Enqueue several messages with one statement, which makes booking much faster."""
    rows = [one._asdict() | {"created_at": now} for one in planned]
    if rows:
        # Otherwise rows with a lead time and rows without would need a statement each.
        await session.execute(insert(Notification).execution_options(render_nulls=True), rows)


async def enqueue_newest(
    session: AsyncSession, kind: NotificationKind, guild_id: int, *, now: datetime, user_id: int, session_id: int
) -> None:
    """Like `enqueue`, but reuse an unsent message of this kind: it'll say what's true when it's sent.

    A message that another transaction holds is left alone, because waiting for it could deadlock.
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


async def was_enqueued(
    session: AsyncSession, session_id: int, kind: NotificationKind, *which: ColumnElement[bool]
) -> bool:
    """Whether there's a message of this kind about a session, sent or not, that matches `which`."""
    found = select(Notification.id).where(Notification.session_id == session_id, Notification.kind == kind, *which)
    return await session.scalar(found.limit(1)) is not None


def requeue(notification: Notification, now: datetime) -> None:
    """Update a message, or send it if it wasn't sent yet."""
    notification.revision += 1
    notification.due_at = now
    notification.attempts = 0
    notification.given_up_at = notification.undeliverable_at = None


async def requeue_sent(
    session: AsyncSession, session_id: int, kind: NotificationKind, now: datetime, *, user_id: int | None = None
) -> None:
    """Update the sent messages of this kind about a session. With `user_id`, only those to this person."""
    about = Notification.session_id == session_id, Notification.kind == kind, _is_to(user_id)
    sent = select(Notification).where(*about)
    for notification in await session.scalars(sent.where(Notification.message_id.is_not(None))):
        requeue(notification, now)


async def requeue_direct(
    session: AsyncSession, session_id: int, now: datetime, *, user_id: int | None = None
) -> None:
    """Update the direct messages about a session that were sent, or are being sent right now.

    With `user_id`, only those to this person.

    Called whenever the session is rescheduled, begins, ends or is cancelled, with one statement. Delivery updates
    few at a time, and a message that changes again meanwhile just once.
    """
    is_being_sent = and_(Notification.tried_at.is_not(None), Notification.due_at <= now)
    await session.execute(
        update(Notification)
        .where(
            Notification.session_id == session_id,
            Notification.kind.in_(kinds.following_sessions()),
            Notification.route.is_(None),
            _is_to(user_id),
            or_(Notification.message_id.is_not(None), is_being_sent),
        )
        .values(due_at=now, given_up_at=None, attempts=0, revision=Notification.revision + 1)
    )


def _is_to(user_id: int | None) -> ColumnElement[bool]:
    return true() if user_id is None else Notification.user_id == user_id


async def requeue_newest(
    session: AsyncSession,
    session_id: int,
    kind: NotificationKind,
    now: datetime,
    *,
    about_user_id: int | None = None,
) -> None:
    """Update the newest message of this kind about a session, if it was sent or is being sent.

    With `about_user_id`, the newest about this person's part in it.
    """
    newest = (
        select(Notification)
        .where(
            Notification.session_id == session_id,
            Notification.kind == kind,
            true() if about_user_id is None else Notification.about_user_id == about_user_id,
        )
        .order_by(Notification.id.desc())
    )
    notification = await session.scalar(newest.limit(1))
    if notification is None:
        return
    is_being_sent = notification.tried_at is not None and notification.due_at is not None
    if notification.message_id is not None or is_being_sent:
        requeue(notification, now)


async def drop(
    session: AsyncSession,
    session_id: int,
    kinds: Collection[NotificationKind],
    why: str,
    now: datetime,
    *,
    user_id: int | None = None,
) -> None:
    """Withdraw unsent messages of these kinds about a session, to everybody or one; `why` is noted on each."""
    await session.execute(
        update(Notification)
        .where(
            Notification.session_id == session_id,
            Notification.kind.in_(kinds),
            Notification.due_at.is_not(None),
            Notification.sent_at.is_(None),
            _is_to(user_id),
        )
        .values(due_at=None, given_up_at=now, last_error=why, revision=Notification.revision + 1)
    )


async def application_card(session: AsyncSession, guild_id: int, coach_id: int) -> Notification | None:
    """Return the newest card about this person's application."""
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


async def requeue_application_card(session: AsyncSession, guild_id: int, coach_id: int, now: datetime) -> bool:
    """Update the newest card about this person's application. Returns whether there is one."""
    card = await application_card(session, guild_id, coach_id)
    if card is not None:
        requeue(card, now)
    return card is not None
