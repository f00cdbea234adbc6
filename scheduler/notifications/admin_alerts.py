"""What only an admin can solve: told at once, then rarely while it lasts, and once more when it is over.

A problem is identified by what fails and why. A new cause is a new problem, so admins hear of it at once.
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

HEARD_AFTER = 3
"""Failures in a row, of what may well heal by itself, after which admins hear of it."""
LOG_CHANNEL = "log_channel"
"""The key of what is wrong with the channel in which admins are told of problems."""
COACH_ROLE = "coach_role"
"""The key of problems with giving or taking the coach role."""
PASSING = ""
"""The cause of anything that may pass without help: outages come in many words but are one problem."""
_PAUSES = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""How long admins hear nothing more about it: after the first time, the second, and any later one."""
_OVER_AFTER = timedelta(hours=1)
"""After working for so long, a problem is over. If it fails again, that's new."""
_BACK_AFTER = timedelta(minutes=15)
"""If it fails again sooner, admins hear of it once it has lasted for so long."""


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
    """Report that this doesn't work. Returns whether admins hear of it now, which they do unless just told.

    `cause` identifies the problem beside its key; by default its text does. Problems with the same key and another
    cause end silently, unless one of `others`, which still fail elsewhere, contains their text.
    """
    known_by = _digest(text if cause is None else cause)
    await _supersede(session, guild_id, key, known_by, others, now)
    await insert_if_absent(
        session, Alert, guild_id=guild_id, key=key, cause=known_by, text=text, since=now, told_at=now, times_told=0
    )
    found = _problems(guild_id, key).where(Alert.cause == known_by)
    alert = (await session.scalars(found.with_for_update())).one()
    alert.text = text
    due_at = now
    if alert.fixed_at is not None and await _take_back(session, alert, NotificationKind.ALERT_RESOLVED, now):
        alert.fixed_at = None  # nobody was told that it worked again
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
    """Report that this works again. The problem is over once no other session or coach has it.

    Admins hear that only if they were warned. A warning that hasn't gone out is withdrawn.
    """
    lasting = list(await session.scalars(_problems(guild_id, key).where(Alert.fixed_at.is_(None))))
    if not lasting or await _fails_elsewhere(session, guild_id, session_id):
        return
    # A coach who already had the role proves nothing about the others.
    others = await failing(session, guild_id) if key == COACH_ROLE else []
    for alert in lasting:
        if any(alert.text in one for one in others):
            continue
        alert.fixed_at = now
        if await _was_told(session, alert, now):
            outbox.enqueue(session, NotificationKind.ALERT_RESOLVED, guild_id, now=now, alert_id=alert.id)


async def failing(session: AsyncSession, guild_id: int) -> list[str]:
    """List what's failing for this server's sessions and coach roles, as their rows say it."""
    rows = select(CoachingSession.last_error).where(
        CoachingSession.next_step_at.is_not(None),
        CoachingSession.guild_id == guild_id,
        CoachingSession.last_error.is_not(None),
    )
    here = Coach.guild_id == guild_id, Coach.left_at.is_(None)
    roles = select(Coach.role_error).where(*here, Coach.role_error.is_not(None))
    return [one for query in (rows, roles) for one in await session.scalars(query) if one]


async def _was_told(session: AsyncSession, alert: Alert, now: datetime) -> bool:
    """Whether the warning was sent or is just being sent. Withdraws one that isn't due yet."""
    if await is_known(session, alert):
        return True
    under_way = select(Notification.id).where(*_words(alert, NotificationKind.ALERT), Notification.due_at <= now)
    if await session.scalar(under_way.limit(1)) is not None:
        return True
    await _take_back(session, alert, NotificationKind.ALERT, now)
    return False


async def is_known(session: AsyncSession, alert: Alert) -> bool:
    """Whether admins have been warned of it since it began."""
    warnings = select(Notification.id).where(
        *_words(alert, NotificationKind.ALERT),
        Notification.created_at >= alert.since,
        Notification.sent_at.is_not(None),
    )
    return await session.scalar(warnings.limit(1)) is not None


async def _take_back(session: AsyncSession, alert: Alert, kind: NotificationKind, now: datetime) -> bool:
    """Withdraw unsent messages of this kind. Returns whether there were any."""
    unsent = select(Notification).where(
        *_words(alert, kind), Notification.due_at.is_not(None), Notification.sent_at.is_(None)
    )
    found = list(await session.scalars(unsent))
    for notification in found:
        notification.due_at, notification.given_up_at, notification.last_error = (
            None,
            now,
            "it changed in the meantime",
        )
        notification.revision += 1
    return bool(found)


def _words(alert: Alert, kind: NotificationKind) -> tuple[ColumnElement[bool], ...]:
    return Notification.alert_id == alert.id, Notification.kind == kind


async def _supersede(
    session: AsyncSession, guild_id: int, key: str, cause: str, others: Collection[str], now: datetime
) -> None:
    """End problems with the same key and another cause: a forbidden channel that is now gone, say."""
    lasting = _problems(guild_id, key).where(Alert.fixed_at.is_(None), Alert.cause != cause)
    for alert in await session.scalars(lasting):
        if not any(alert.text in one for one in others):
            alert.fixed_at = now


async def _fails_elsewhere(session: AsyncSession, guild_id: int, session_id: int) -> bool:
    """Among the sessions that the loop still looks at, which are few."""
    failing = select(CoachingSession.id).where(
        CoachingSession.next_step_at.is_not(None),
        CoachingSession.guild_id == guild_id,
        CoachingSession.attempts > 0,
        CoachingSession.id != session_id,
    )
    return session_id != 0 and await session.scalar(failing.limit(1)) is not None


def _problems(guild_id: int, key: str) -> Select[Alert]:
    return select(Alert).where(Alert.guild_id == guild_id, Alert.key == key).order_by(Alert.id)


def _digest(cause: str) -> str:
    return hashlib.blake2b(cause.encode(), digest_size=8).hexdigest() if cause else PASSING


def _while_it_lasts(context: NotificationContext, _now: datetime) -> str | None:
    return "it works again" if context.alert is not None and context.alert.fixed_at is not None else None


def _if_warned(context: NotificationContext, _now: datetime) -> str | None:
    return None if context.details else "nobody was told that it failed"


async def _warned(session: AsyncSession, context: NotificationContext, _now: datetime) -> bool:
    """Whether admins were told that it failed."""
    return context.alert is None or await is_known(session, context.alert)


KINDS = (
    Declaration(NotificationKind.ALERT, Audience.ADMINS, _while_it_lasts),
    Declaration(NotificationKind.ALERT_RESOLVED, Audience.ADMINS, _if_warned, _warned),
)
