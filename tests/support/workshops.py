"""Workshops for tests."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, Notification, NotificationKind, Participant, Seat, Workshop
from models.storage.database import Database
from scheduler.core.actor import Actor
from scheduler.workshops import seats, workshops
from scheduler.workshops.terms import Terms
from tests.support.builders import ADMIN, COACH, DAY, GUILD, HOUR, MONDAY, a_server_with_a_coach
from tests.support.transactions import transact

CHANNEL = 66
STARTS = MONDAY + 3 * DAY + 2 * HOUR
"""Thursday at ten."""


def terms(**changed: Any) -> Terms:
    """Return an hour on mixing with three seats at $20."""
    values: dict[str, Any] = {
        "title": "Mixing drums",
        "description": "Bring a session.",
        "starts_at": STARTS,
        "duration": HOUR,
        "seats": 3,
        "price_minor": 2000,
    }
    return Terms(**values | changed)


async def a_workshop(
    db: Database, *, guild: Any = None, coach: Any = None, now: datetime = MONDAY, **changed: Any
) -> int:
    """Store a server with a coach and their workshop, and return its session's id."""
    await a_server_with_a_coach(db, guild={"workshop_channel_id": CHANNEL} | (guild or {}), **coach or {})
    return await another_workshop(db, now=now, **changed)


async def another_workshop(db: Database, *, actor: Actor = ADMIN, now: datetime = MONDAY, **changed: Any) -> int:
    """Store another workshop of the same coach, and return its session's id."""

    async def create(session: AsyncSession) -> int:
        guild = await session.get_one(Guild, GUILD)
        return (await workshops.create(session, guild, actor, COACH, terms(**changed), now)).session_id

    return await transact(db, create)


async def take(db: Database, session_id: int, *user_ids: int, now: datetime = MONDAY, **how: Any) -> None:
    """Let these people take a seat, one after the other."""
    for user_id in user_ids:
        await transact(
            db, lambda session, who=user_id: seats.take(session, session_id, Actor(who), now, **price() | how)
        )


def price() -> dict[str, Any]:
    """Return the price of `terms`, as it's agreed to."""
    return {"agreed_minor": 2000, "agreed_currency": "USD"}


async def leave(db: Database, session_id: int, user_id: int, now: datetime = MONDAY) -> None:
    """Let somebody give their seat back."""
    await transact(db, lambda session: seats.leave(session, session_id, Actor(user_id), now))


async def find(db: Database, session_id: int) -> tuple[CoachingSession, Workshop]:
    """Return both rows as they are now."""
    async with db.read() as session:
        return await session.get_one(CoachingSession, session_id), await session.get_one(Workshop, session_id)


async def seat_of(db: Database, session_id: int, user_id: int) -> Participant:
    """Return somebody's part in it."""
    async with db.read() as session:
        return await session.get_one(Participant, (session_id, user_id))


async def taken_by(db: Database, session_id: int) -> list[int | None]:
    """Return who has each seat, in order; None for free and held ones."""
    async with db.read() as session:
        theirs = select(Seat.user_id).where(Seat.session_id == session_id).order_by(Seat.id)
        return list(await session.scalars(theirs))


async def free(db: Database, session_id: int, now: datetime = MONDAY) -> int:
    """Return how many seats are free."""
    async with db.read() as session:
        return (await seats.free_seats(session, [session_id], now))[session_id]


async def told(db: Database, session_id: int, kind: NotificationKind) -> list[int | None]:
    """Return who is sent a message of this kind about it, in order."""
    async with db.read() as session:
        about = Notification.session_id == session_id, Notification.kind == kind
        return list(await session.scalars(select(Notification.user_id).where(*about).order_by(Notification.id)))


async def announcement(db: Database, session_id: int) -> Notification:
    """Return the message that announces it."""
    kind = NotificationKind.WORKSHOP_ANNOUNCEMENT
    async with db.read() as session:
        about = Notification.session_id == session_id, Notification.kind == kind
        return (await session.scalars(select(Notification).where(*about))).one()
