"""A booked session, how it's rescheduled, and what that leaves behind."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Notification, NotificationKind
from models.storage.database import Database
from scheduler.booking import booking, rescheduling
from scheduler.core.actor import Actor
from tests.support import stored
from tests.support.builders import COACH, GUILD, HOUR, MONDAY, STUDENT, a_coach, a_guild
from tests.support.transactions import transact

STU, CARA, SAM = Actor(STUDENT), Actor(COACH), Actor(STUDENT + 1)
TEN = MONDAY + 2 * HOUR
ELEVEN, TWELVE = TEN + HOUR, TEN + 2 * HOUR
LATER = MONDAY + HOUR
"""When it's rescheduled."""

found, reservations = stored.session_now, stored.reservations


async def booked(db: Database, actor: Actor = STU, starts_at: datetime = TEN, **coach: Any) -> int:
    """Store a server with an hour booked at ten, and return the session's id."""
    async with db.begin() as session:
        guild = await a_guild(session)
        await a_coach(session, **coach)
        return (await booking.book(session, guild, actor, COACH, starts_at, HOUR, "The bridge.", MONDAY)).id


async def also_booked(db: Database, starts_at: datetime, actor: Actor = SAM, coach_id: int = COACH) -> int:
    """Book another hour."""
    async with db.begin() as session:
        guild = await session.get_one(Guild, GUILD)
        return (await booking.book(session, guild, actor, coach_id, starts_at, HOUR, None, MONDAY)).id


def to(
    session_id: int, starts_at: datetime, actor: Actor = STU, *, reason: str = "", now: datetime = LATER
) -> Callable[[AsyncSession], Awaitable[CoachingSession]]:
    """Return the use case behind the reschedule button."""

    async def use_case(session: AsyncSession) -> CoachingSession:
        return await rescheduling.reschedule(session, session_id, actor, starts_at, reason, now)

    return use_case


async def move(db: Database, session_id: int, starts_at: datetime, actor: Actor = STU, **named: Any) -> None:
    await transact(db, to(session_id, starts_at, actor, **named))


async def enqueued(db: Database) -> list[tuple[NotificationKind, int | None, datetime | None]]:
    """Return kind, recipient and due time of all notifications except the booking's and reminders."""
    others = (NotificationKind.SESSION_BOOKED, NotificationKind.SESSION_REMINDER)
    rows = await stored.notifications(db, Notification.kind.not_in(others))
    return [(one.kind, one.user_id, one.due_at) for one in rows]
