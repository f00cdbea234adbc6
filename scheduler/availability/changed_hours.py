"""Announcing that a coach's hours, rules or time zone changed, so that other times may be free or be booked."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach

Listener = Callable[[AsyncSession, Coach, datetime], Awaitable[None]]
_listeners: list[Listener] = []
_followers: list[Listener] = []
_of_bookable: list[Listener] = []


def on_changed(*listeners: Listener) -> None:
    """Register what else follows, in the same transaction, when a coach's hours or rules change."""
    _listeners.extend(listeners)


async def announce(session: AsyncSession, coach: Coach, now: datetime) -> None:
    """Let the listeners know. The coach must be locked."""
    for one in _listeners:
        await one(session, coach, now)
    await announce_bookable(session, coach, now)


def on_bookable(*listeners: Listener) -> None:
    """Register what follows, in the same transaction, when a coach can be booked, or perhaps further ahead."""
    _of_bookable.extend(listeners)


async def announce_bookable(session: AsyncSession, coach: Coach, now: datetime) -> None:
    """Let those listeners know. The coach must be locked."""
    for one in _of_bookable:
        await one(session, coach, now)


def on_moved(*followers: Listener) -> None:
    """Register what else follows, in the same transaction, when a coach is in another time zone than before."""
    _followers.extend(followers)


async def announce_move(session: AsyncSession, coach: Coach, now: datetime) -> None:
    """Let the followers know of a coach's new time zone."""
    for one in _followers:
        await one(session, coach, now)
