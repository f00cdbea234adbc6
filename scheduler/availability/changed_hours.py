"""Announcing that a coach's hours or rules changed, so that other times may be free."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach

Listener = Callable[[AsyncSession, Coach, datetime], Awaitable[None]]
_listeners: list[Listener] = []


def on_changed(*listeners: Listener) -> None:
    """Register what else follows, in the same transaction, when a coach's hours or rules change."""
    _listeners.extend(listeners)


async def announce(session: AsyncSession, coach: Coach, now: datetime) -> None:
    """Let the listeners know."""
    for one in _listeners:
        await one(session, coach, now)
