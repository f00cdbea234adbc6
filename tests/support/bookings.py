"""Sessions and holds of `COACH`, at ten on Monday unless a test says otherwise, and how they're rescheduled."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Hold, Notification, NotificationKind
from models.storage.database import Database
from scheduler.booking import booking, holds, rescheduling
from scheduler.core.actor import Actor
from scheduler.core.errors import CoachingError
from tests.support.builders import COACH, GUILD, HOUR, MINUTE, MONDAY, STUDENT, a_server_with_a_coach
from tests.support.stored import notifications
from tests.support.transactions import transact

STU, CARA, SAM = Actor(STUDENT), Actor(COACH), Actor(STUDENT + 1)
TEN = MONDAY + 2 * HOUR
ELEVEN, TWELVE = TEN + HOUR, TEN + 2 * HOUR
LATER = MONDAY + HOUR
"""When it's rescheduled."""
Press = Callable[[AsyncSession], Awaitable[CoachingSession]]


async def book(
    session: AsyncSession,
    actor: Actor = STU,
    starts_at: datetime = TEN,
    *,
    coach_id: int = COACH,
    minutes: int = 60,
    notes: str | None = None,
    now: datetime = MONDAY,
    guild_id: int = GUILD,
) -> CoachingSession:
    guild = await session.get_one(Guild, guild_id)
    return await booking.book(session, guild, actor, coach_id, starts_at, minutes * MINUTE, notes, now)


async def hold(
    session: AsyncSession,
    actor: Actor = STU,
    starts_at: datetime = TEN,
    *,
    coach_id: int = COACH,
    minutes: int = 60,
    now: datetime = MONDAY,
    guild_id: int = GUILD,
) -> Hold:
    guild = await session.get_one(Guild, guild_id)
    return await holds.hold(session, guild, actor, coach_id, starts_at, minutes * MINUTE, now)


async def attempt(db: Database, press: Press) -> CoachingSession | CoachingError:
    """Return the session, or the refusal. Any other error is a bug and is raised."""
    try:
        return await transact(db, press)
    except CoachingError as refused:
        return refused


async def booked(db: Database, actor: Actor = STU, starts_at: datetime = TEN, **coach: Any) -> int:
    """Store a server with a booked hour, and return the session's id."""
    await a_server_with_a_coach(db, **coach)
    return await also_booked(db, starts_at, actor)


async def also_booked(db: Database, starts_at: datetime, actor: Actor = SAM, coach_id: int = COACH) -> int:
    """Book another hour."""
    return (await transact(db, book, actor, starts_at, coach_id=coach_id, notes="The bridge.")).id


def rescheduling_to(
    session_id: int,
    starts_at: datetime,
    actor: Actor = STU,
    *,
    reason: str = "",
    now: datetime = LATER,
    **named: Any,
) -> Press:
    """Return the use case behind the reschedule button."""

    async def use_case(session: AsyncSession) -> CoachingSession:
        return await rescheduling.reschedule(session, session_id, actor, starts_at, reason, now, **named)

    return use_case


async def reschedule(db: Database, session_id: int, starts_at: datetime, actor: Actor = STU, **named: Any) -> None:
    await transact(db, rescheduling_to(session_id, starts_at, actor, **named))


async def enqueued(db: Database) -> list[tuple[NotificationKind, int | None, datetime | None]]:
    """Kind, recipient and due time of every notification but those of the booking, and reminders."""
    others = Notification.kind.not_in((NotificationKind.SESSION_BOOKED, NotificationKind.SESSION_REMINDER))
    return [(one.kind, one.user_id, one.due_at) for one in await notifications(db, others)]
