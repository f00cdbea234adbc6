"""Alerts about problems only admins can fix: sent at once, repeated rarely, and resolved with a last message.

A problem is identified by what fails and why, so a new cause is a new problem.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Alert, Coach, CoachingSession, Notification, NotificationKind
from models.storage.database import insert_if_absent
from scheduler.notifications import outbox
from scheduler.notifications.kinds import Audience, Declaration, NotificationContext

ALERT_AFTER = 3
"""How many failures in a row admins hear of, when the problem may pass without help."""
LOG_CHANNEL = "log_channel"
"""The key of problems with the alerts channel."""
COACH_ROLE = "coach_role"
"""The key of problems with giving or removing the coach role."""
PASSING = ""
"""The cause of whatever may pass without help: however it's worded, an outage is one problem."""
_PAUSES = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""Pauses after the first alert, the second, and any later one."""
_OVER_AFTER = timedelta(hours=1)
"""How long something must work for its next failure to be a new problem."""
_BACK_AFTER = timedelta(minutes=15)
"""How long a failure that comes back sooner must last for admins to hear of it."""


async def raise_alert(
    session: AsyncSession,
    guild_id: int,
    key: str,
    text: str,
    now: datetime,
    *,
    cause: str | None = None,
    others: Collection[str] = (),
) -> bool:
    """Report that something fails. Returns whether admins are alerted, which they are unless it was recently.

    Key and `cause` identify the problem; by default its text is the cause. Problems with the same key and another
    cause end silently, unless one of `others`, which still fail elsewhere, contains their text.
    """
    cause_digest = _digest(text if cause is None else cause)
    await _supersede(session, guild_id, key, cause_digest, others, now)
    await insert_if_absent(
        session,
        Alert,
        guild_id=guild_id,
        key=key,
        cause=cause_digest,
        text=text,
        since=now,
        told_at=now,
        times_told=0,
    )
    found = _alerts(guild_id, key).where(Alert.cause == cause_digest)
    alert = (await session.scalars(found.with_for_update())).one()
    alert.text = text
    due_at = now
    if alert.fixed_at is not None and await _withdraw(session, alert, NotificationKind.ALERT_RESOLVED, now):
        alert.fixed_at = None  # admins hadn't heard that it worked again
    if alert.fixed_at is not None:
        if now - alert.fixed_at >= _OVER_AFTER or now - alert.told_at >= _PAUSES[0]:
            alert.times_told = 0
        elif alert.times_told:
            due_at = now + _BACK_AFTER
        alert.fixed_at, alert.since = None, now
    elif alert.times_told and now < alert.told_at + _PAUSES[min(alert.times_told, len(_PAUSES)) - 1]:
        return False
    alert.told_at, alert.times_told = due_at, alert.times_told + 1
    outbox.enqueue(session, NotificationKind.ALERT, guild_id, now=now, alert_id=alert.id, due_at=due_at)
    return True


async def resolve(session: AsyncSession, guild_id: int, key: str, now: datetime, *, session_id: int = 0) -> None:
    """Report that something works again. The problem ends once no other session or coach has it.

    Admins hear of it only if they were alerted. An unsent alert is withdrawn.
    """
    await resolve_all(session, guild_id, [key], now, session_id=session_id)


async def resolve_all(
    session: AsyncSession, guild_id: int, keys: Collection[str], now: datetime, *, session_id: int = 0
) -> None:
    """Report that several things work again, each as `resolve` does."""
    if not keys:
        return
    theirs = select(Alert).where(Alert.guild_id == guild_id, Alert.key.in_(keys), Alert.fixed_at.is_(None))
    unresolved = list(await session.scalars(theirs.order_by(Alert.id)))
    if not unresolved or await _fails_elsewhere(session, guild_id, session_id):
        return
    # A coach who already had the role says nothing about the others.
    others = await current_errors(session, guild_id) if COACH_ROLE in keys else []
    for alert in unresolved:
        if alert.key == COACH_ROLE and any(alert.text in one for one in others):
            continue
        alert.fixed_at = now
        if await _was_told(session, alert, now):
            outbox.enqueue(session, NotificationKind.ALERT_RESOLVED, guild_id, now=now, alert_id=alert.id)


async def current_errors(session: AsyncSession, guild_id: int) -> list[str]:
    """List the current errors of this server's sessions and coach roles."""
    sessions = select(CoachingSession.last_error).where(
        CoachingSession.guild_id == guild_id, CoachingSession.next_step_at.is_not(None)
    )
    roles = select(Coach.role_error).where(Coach.guild_id == guild_id, Coach.left_at.is_(None))
    return [error for query in (sessions, roles) for error in await session.scalars(query) if error]


async def _was_told(session: AsyncSession, alert: Alert, now: datetime) -> bool:
    """Whether the alert was sent or is being sent. Withdraws one that isn't due yet."""
    if await _was_sent(session, alert):
        return True
    due = select(Notification.id).where(*_about(alert, NotificationKind.ALERT), Notification.due_at <= now)
    if await session.scalar(due.limit(1)) is not None:
        return True
    await _withdraw(session, alert, NotificationKind.ALERT, now)
    return False


async def _was_sent(session: AsyncSession, alert: Alert) -> bool:
    """Whether admins have been alerted since the problem began."""
    sent = select(Notification.id).where(
        *_about(alert, NotificationKind.ALERT),
        Notification.created_at >= alert.since,
        Notification.sent_at.is_not(None),
    )
    return await session.scalar(sent.limit(1)) is not None


async def _withdraw(session: AsyncSession, alert: Alert, kind: NotificationKind, now: datetime) -> bool:
    """Withdraw unsent messages of this kind. Returns whether there were any."""
    unsent = select(Notification).where(
        *_about(alert, kind), Notification.due_at.is_not(None), Notification.sent_at.is_(None)
    )
    found = list(await session.scalars(unsent))
    for notification in found:
        notification.due_at, notification.given_up_at = None, now
        notification.last_error = "it changed in the meantime"
        notification.revision += 1
    return bool(found)


def _about(alert: Alert, kind: NotificationKind) -> tuple[ColumnElement[bool], ...]:
    return Notification.alert_id == alert.id, Notification.kind == kind


async def _supersede(
    session: AsyncSession, guild_id: int, key: str, cause: str, others: Collection[str], now: datetime
) -> None:
    """Resolve alerts with the same key and another cause, such as a forbidden channel that's now gone."""
    replaced = _alerts(guild_id, key).where(Alert.fixed_at.is_(None), Alert.cause != cause)
    for alert in await session.scalars(replaced):
        if not any(alert.text in one for one in others):
            alert.fixed_at = now


async def _fails_elsewhere(session: AsyncSession, guild_id: int, session_id: int) -> bool:
    """Whether another unfinished session fails; there are few of those."""
    here = CoachingSession.guild_id == guild_id, CoachingSession.next_step_at.is_not(None)
    others = select(CoachingSession.id).where(
        *here, CoachingSession.attempts > 0, CoachingSession.id != session_id
    )
    return session_id != 0 and await session.scalar(others.limit(1)) is not None


def _alerts(guild_id: int, key: str) -> Select[Alert]:
    return select(Alert).where(Alert.guild_id == guild_id, Alert.key == key).order_by(Alert.id)


def _digest(cause: str) -> str:
    return hashlib.blake2b(cause.encode(), digest_size=8).hexdigest() if cause else PASSING


def _while_unresolved(context: NotificationContext, _now: datetime) -> str | None:
    return "it works again" if context.alert is not None and context.alert.fixed_at is not None else None


def _if_alerted(context: NotificationContext, _now: datetime) -> str | None:
    return None if context.details else "nobody was told that it failed"


async def _were_alerted(session: AsyncSession, context: NotificationContext, _now: datetime) -> bool:
    return context.alert is None or await _was_sent(session, context.alert)


KINDS = (
    Declaration(NotificationKind.ALERT, Audience.ADMINS, _while_unresolved),
    Declaration(NotificationKind.ALERT_RESOLVED, Audience.ADMINS, _if_alerted, _were_alerted),
)
