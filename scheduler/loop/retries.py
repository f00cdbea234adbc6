"""Retrying what failed before its next try is due, when there's reason to think it'll work now."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Alert, Coach, CoachingSession, Notification
from models.storage.database import Database
from scheduler.core.clock import Clock
from scheduler.core.row_locks import lock_sessions
from scheduler.notifications import bot_removal, kinds, outbox
from scheduler.notifications.admin_alerts import COACH_ROLE
from scheduler.notifications.kinds import Audience
from scheduler.sessions.lifecycle import Step

_WORTH_POSTING = timedelta(days=30)
"""How long a card that couldn't be posted is still useful."""
_RETRIED = {*Step, COACH_ROLE}
"""The keys of alerts about what the bot keeps trying."""


async def bring_forward(db: Database, clock: Clock, guild_id: int | None = None) -> bool:
    """Retry now what's waiting for its next try, in one server or in all; returns whether there was anything.

    Cheap if nothing is: partial indexes hold the few rows that are due at all.
    """
    now = clock()
    waiting = (
        (CoachingSession, CoachingSession.next_step_at, CoachingSession.attempts > 0),
        (Coach, Coach.role_due_at, Coach.role_attempts > 0),
        (Notification, Notification.due_at, Notification.attempts > 0),
    )
    conditions = [
        (
            due_at.is_not(None),
            due_at > now,
            has_failed,
            *([table.guild_id == guild_id] if guild_id is not None else []),
        )
        for table, due_at, has_failed in waiting
    ]
    async with db.read() as session:
        found = (await session.execute(select(*(exists().where(*which) for which in conditions)))).one()
    for (table, due_at, _), which, is_waiting in zip(waiting, conditions, found, strict=True):
        if not is_waiting:
            continue
        async with db.begin() as session:
            if table is CoachingSession:
                await lock_sessions(session, *which)
            await session.execute(update(table).where(*which).values({due_at: now}))
    return any(found)


async def retry_all(db: Database, clock: Clock, guild_id: int) -> bool:
    """Retry now what's waiting or was given up in a server; returns whether there was anything."""
    now = clock()
    waited = await bring_forward(db, clock, guild_id)
    async with db.read() as session:
        if not await _any_given_up(session, guild_id, now):
            return waited
    async with db.begin() as session:
        roles = update(Coach).where(*_stuck_coaches(guild_id))
        await session.execute(roles.values(role_due_at=now, role_attempts=0))
        await lock_sessions(session, *_stuck_sessions(guild_id))
        stuck = update(CoachingSession).where(*_stuck_sessions(guild_id))
        await session.execute(stuck.values(next_step_at=now, attempts=0, last_error=None))
        for card in await session.scalars(select(Notification).where(*_unposted_cards(guild_id, now))):
            outbox.requeue(card, now)
    return True


def is_retried(alert: Alert) -> bool:
    """Whether the bot keeps trying, so that nobody has to tell it when the problem is fixed."""
    return alert.key in _RETRIED and alert.fixed_at is None


async def _any_given_up(session: AsyncSession, guild_id: int, now: datetime) -> bool:
    queries = (
        select(CoachingSession.id).where(*_stuck_sessions(guild_id)),
        select(Coach.user_id).where(*_stuck_coaches(guild_id)),
        select(Notification.id).where(*_unposted_cards(guild_id, now)),
    )
    return any([await session.scalar(query.limit(1)) is not None for query in queries])


def _stuck_sessions(guild_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        CoachingSession.guild_id == guild_id,
        CoachingSession.next_step_at.is_(None),
        CoachingSession.last_error.is_not(None),
        CoachingSession.last_error != bot_removal.REMOVED,
    )


def _stuck_coaches(guild_id: int) -> tuple[ColumnElement[bool], ...]:
    return Coach.guild_id == guild_id, Coach.role_due_at.is_(None), Coach.role_error.is_not(None)


def _unposted_cards(guild_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Notification.guild_id == guild_id,
        Notification.kind.in_(kinds.sent_to(Audience.REVIEW_CHANNEL)),
        Notification.sent_at.is_(None),
        Notification.given_up_at > now - _WORTH_POSTING,
    )
