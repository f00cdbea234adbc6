"""Someone's sessions, page by page: upcoming and running ones first, soonest first, then past ones."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, not_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AHEAD, LONGEST_RESERVATION, CoachingSession

_LATE_TICK = timedelta(hours=1)
"""A session that should have ended this long ago is over, even if no tick has recorded it."""


class Page(NamedTuple):
    """Some of someone's sessions."""

    sessions: list[CoachingSession]
    upcoming: int
    has_more: bool


async def list_page(
    session: AsyncSession, guild_ids: Collection[int], user_id: int, now: datetime, *, page: int, size: int
) -> Page:
    """Return a page of the sessions in these servers where they're coach or student.

    Its cost doesn't grow with their history.
    """
    first, end = page * size, (page + 1) * size + 1
    upcoming = await _sessions(session, guild_ids, user_id, _is_upcoming(now))
    found = upcoming[first:end]
    if len(found) < end - first:
        most = end - len(upcoming)
        is_past = not_(_is_upcoming(now))
        past = await _sessions(session, guild_ids, user_id, is_past, most=most, newest_first=True)
        found += past[max(first - len(upcoming), 0) :]
    return Page(found[:size], len(upcoming), has_more=len(found) > size)


def is_ahead(one: CoachingSession) -> bool:
    """Whether this session is upcoming or running."""
    return one.status in AHEAD


def _is_upcoming(now: datetime) -> ColumnElement[bool]:
    since = now - LONGEST_RESERVATION - _LATE_TICK
    return and_(CoachingSession.status.in_(AHEAD), CoachingSession.starts_at > since)


async def _sessions(
    session: AsyncSession,
    guild_ids: Collection[int],
    user_id: int,
    which: ColumnElement[bool],
    *,
    most: int | None = None,
    newest_first: bool = False,
) -> list[CoachingSession]:
    """Sort by start, then by id, so that pages neither repeat nor leave out a session.

    Queries coach and student separately: each has an index, but no index serves both.
    """
    columns = CoachingSession.starts_at, CoachingSession.id
    order = [column.desc() for column in columns] if newest_first else columns
    found: list[CoachingSession] = []
    for side in (CoachingSession.coach_id, CoachingSession.student_id):
        query = select(CoachingSession).where(CoachingSession.guild_id.in_(guild_ids), side == user_id, which)
        found += await session.scalars(query.order_by(*order).limit(most))
    return sorted(found, key=lambda one: (one.starts_at, one.id), reverse=newest_first)[:most]
