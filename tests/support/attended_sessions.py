"""A session with its room, who was in it, and what it leaves behind."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Attendance,
    AuditEntry,
    CoachingSession,
    Guild,
    Heartbeat,
    SessionStatus,
)
from models.storage.database import Database
from scheduler.attendance import attendance, outcomes
from scheduler.core.actor import Actor
from tests.support.builders import COACH, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_coach, a_guild, a_session
from tests.support.stored import session_now, still_enqueued
from tests.support.transactions import fetch_all, transact

TEN = MONDAY + 2 * HOUR
ELEVEN = TEN + HOUR
ROOM = 500
CARA, STU, STRANGER = Actor(COACH), Actor(STUDENT), Actor(STUDENT + 77)

Spell = tuple[int | None, int, int | None]
"""Who was inside (None: nobody was watching), and from and until which minute after ten (None: still inside)."""


press, found, enqueued = transact, session_now, still_enqueued


def at(minutes: float) -> datetime:
    return TEN + minutes * MINUTE


async def a_meeting(
    db: Database,
    *spells: Spell,
    watched_until: datetime | None = ELEVEN,
    guild: Mapping[str, Any] | None = None,
    coach: Mapping[str, Any] | None = None,
    **changed: Any,
) -> int:
    """Store a session from ten to eleven in its room, opened at 9:55, and return its id."""
    values: dict[str, Any] = {
        "starts_at": TEN,
        "status": SessionStatus.IN_PROGRESS,
        "discord_channel_id": ROOM,
        "discord_setup_complete": True,
        "room_intended_at": at(-15),
        "access_granted_at": at(-5),
        "next_step_at": ELEVEN,
    }
    async with db.begin() as session:
        await a_guild(session, **guild or {})
        await a_coach(session, **coach or {})
        one = await a_session(session, **values | changed)
        await add_stays(session, one.id, *spells)
        if watched_until is not None:
            session.add(Heartbeat(job=attendance.WATCH, at=watched_until))
        return one.id


async def add_stays(session: AsyncSession, session_id: int, *spells: Spell) -> None:
    """Record who was in the session's room, from which minute to which."""
    session.add_all(
        Attendance(
            session_id=session_id,
            user_id=user_id,
            joined_at=at(since),
            left_at=None if until is None else at(until),
        )
        for user_id, since, until in spells
    )


async def both_came(db: Database, **changed: Any) -> int:
    """Store a session in which both have been in the room since the start."""
    return await a_meeting(db, (COACH, 0, None), (STUDENT, 0, None), **changed)


async def restarts(
    db: Database,
    inside: Mapping[int, Collection[int]],
    minute: int,
    *,
    unseen_since: int | None,
    guild_ids: Collection[int] = (GUILD,),
) -> None:
    """Restart the bot at this minute after ten and let it see who is inside."""
    since = None if unseen_since is None else at(unseen_since)
    await transact(db, attendance.resync, guild_ids, inside, since, at(minute))


async def finished(db: Database, session_id: int, now: datetime = ELEVEN) -> CoachingSession:
    """Let the session end and return it with its outcome."""
    async with db.begin() as session:
        row = await session.get_one(CoachingSession, session_id)
        await outcomes.finish(session, row, await session.get_one(Guild, GUILD), now)
    return await found(db, session_id)


async def audit_log(db: Database) -> list[tuple[str, int | None]]:
    """Return the audit log's actions and actors. Checks that entries hold only ids and numbers."""
    rows = await fetch_all(db, select(AuditEntry).order_by(AuditEntry.id))
    assert all(isinstance(value, int | None) for one in rows for value in one.details.values())
    assert all(one.session_id is not None for one in rows)
    return [(one.action, one.actor_id) for one in rows]


async def stays(db: Database) -> list[tuple[int | None, datetime, datetime | None]]:
    """Return who was inside from when until when, as stored."""
    rows = await fetch_all(db, select(Attendance).order_by(Attendance.id))
    return [(one.user_id, one.joined_at, one.left_at) for one in rows]
