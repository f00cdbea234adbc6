"""Announcing time of a coach, or a seat, that becomes free, in the transaction that frees it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession


class Freed(NamedTuple):
    """`[starts_at, ends_at)` of a coach, in every server where they coach."""

    coach_id: int
    starts_at: datetime
    ends_at: datetime
    freed_from: int | None = None
    """The student who had it."""


class FreedSeat(NamedTuple):
    """A seat of a workshop. Which one doesn't matter: any that's free will do."""

    session_id: int
    freed_from: int | None = None
    """Who had it, or was paying for it."""


SeatListener = Callable[[AsyncSession, FreedSeat, datetime], Awaitable[None]]
Listener = Callable[[AsyncSession, Freed, datetime], Awaitable[None]]
_listeners: list[Listener] = []
_seat_listeners: list[SeatListener] = []


def on_freed(*listeners: Listener) -> None:
    """Register what else follows, in the same transaction, when time becomes free."""
    _listeners.extend(listeners)


def on_seat_freed(*listeners: SeatListener) -> None:
    """Register what else follows, in the same transaction, when a seat becomes free."""
    _seat_listeners.extend(listeners)


async def announce(session: AsyncSession, freed: Freed, now: datetime) -> None:
    """Let the listeners know of time that isn't over yet."""
    if freed.ends_at > now:
        for one in _listeners:
            await one(session, freed, now)


async def announce_seat(session: AsyncSession, freed: FreedSeat, now: datetime) -> None:
    """Let the listeners know of a seat that nobody has any more, or that was added."""
    for one in _seat_listeners:
        await one(session, freed, now)
