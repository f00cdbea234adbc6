"""Somebody's sessions, page by page: what is coming or running first, soonest first, then what is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, not_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import LONGEST_RESERVATION, CoachingSession, SessionStatus

_AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
_LATE_TICK = timedelta(hours=1)
"""A session that should have ended this long ago is over, also if nobody has written that down yet."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of somebody's sessions."""

    sessions: list[CoachingSession]
    coming: int
    has_more: bool


async def page_of(
    session: AsyncSession, guild_id: int, user_id: int, now: datetime, *, page: int, size: int
) -> Page:
    """One page of the sessions where they are coach or student. Costs what is shown, and not their history."""
    first, end = page * size, (page + 1) * size + 1
    coming = await _sessions(session, guild_id, user_id, _is_coming(now), end, backwards=False)
    count = len(coming) if len(coming) < end else None
    if count is None:
        count = len(await _sessions(session, guild_id, user_id, _is_coming(now), None, backwards=False))
    found = coming[first:end]
    if len(found) < end - first:
        over = await _sessions(
            session, guild_id, user_id, not_(_is_coming(now)), end - len(coming), backwards=True
        )
        found += over[max(first - len(coming), 0) :]
    return Page(found[:size], count, has_more=len(found) > size)


def is_ahead(one: CoachingSession) -> bool:
    """Whether it is coming or running, so that it can still be cancelled."""
    return one.status in _AHEAD


def _is_coming(now: datetime) -> ColumnElement[bool]:
    return and_(
        CoachingSession.status.in_(_AHEAD), CoachingSession.starts_at > now - LONGEST_RESERVATION - _LATE_TICK
    )


async def _sessions(
    session: AsyncSession,
    guild_id: int,
    user_id: int,
    which: ColumnElement[bool],
    most: int | None,
    *,
    backwards: bool,
) -> list[CoachingSession]:
    """By start, and by id where that is the same, so that no page repeats or leaves out what another shows.

    One query for each side, because an index serves either and none serves both.
    """
    columns = CoachingSession.starts_at, CoachingSession.id
    order = [column.desc() for column in columns] if backwards else columns
    found: list[CoachingSession] = []
    for side in (CoachingSession.coach_id, CoachingSession.student_id):
        query = select(CoachingSession).where(CoachingSession.guild_id == guild_id, side == user_id, which)
        found += await session.scalars(query.order_by(*order).limit(most))
    return sorted(found, key=lambda one: (one.starts_at, one.id), reverse=backwards)[:most]
