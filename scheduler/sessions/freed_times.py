"""Announcing time of a coach that becomes free, in the transaction that frees it."""

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


Listener = Callable[[AsyncSession, Freed, datetime], Awaitable[None]]
_listeners: list[Listener] = []


def on_freed(*listeners: Listener) -> None:
    """Register what else follows, in the same transaction, when time becomes free."""
    _listeners.extend(listeners)


async def announce(session: AsyncSession, freed: Freed, now: datetime) -> None:
    """Let the listeners know of time that isn't over yet."""
    if freed.ends_at > now:
        for one in _listeners:
            await one(session, freed, now)
