"""Someone's sessions, page by page: upcoming and running ones first, soonest first, then past ones."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, not_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from models import AHEAD, LONGEST_RESERVATION, CoachingSession, Participant, ParticipantStatus

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
    upcoming = await _sessions(session, guild_ids, user_id, now)
    found = upcoming[first:end]
    if len(found) < end - first:
        most = end - len(upcoming)
        past = await _sessions(session, guild_ids, user_id, now, is_past=True, most=most)
        found += past[max(first - len(upcoming), 0) :]
    return Page(found[:size], len(upcoming), has_more=len(found) > size)


def is_ahead(one: CoachingSession) -> bool:
    """Whether this session is upcoming or running."""
    return one.status in AHEAD


def _is_upcoming(now: datetime, starts_at: InstrumentedAttribute[datetime]) -> ColumnElement[bool]:
    since = now - LONGEST_RESERVATION - _LATE_TICK
    return and_(CoachingSession.status.in_(AHEAD), starts_at > since)


async def _sessions(
    session: AsyncSession,
    guild_ids: Collection[int],
    user_id: int,
    now: datetime,
    *,
    is_past: bool = False,
    most: int | None = None,
) -> list[CoachingSession]:
    """Sort by start, then by id, so that pages neither repeat nor leave out a session; past ones newest first.

    Queries coach and participant separately: each has an index, but no index serves both.
    """
    upcoming = _is_upcoming(now, CoachingSession.starts_at)
    coached = select(CoachingSession).where(
        CoachingSession.guild_id.in_(guild_ids),
        CoachingSession.coach_id == user_id,
        not_(upcoming) if is_past else upcoming,
    )
    upcoming = and_(_is_upcoming(now, Participant.starts_at), Participant.status != ParticipantStatus.LEFT)
    taken_part_in = (
        select(CoachingSession)
        .join(CoachingSession.participants)
        .where(
            Participant.guild_id.in_(guild_ids),
            Participant.user_id == user_id,
            not_(upcoming) if is_past else upcoming,
        )
    )
    found: list[CoachingSession] = []
    for query, *columns in (
        (coached, CoachingSession.starts_at, CoachingSession.id),
        (taken_part_in, Participant.starts_at, Participant.session_id),
    ):
        order = [column.desc() if is_past else column for column in columns]
        found += await session.scalars(query.order_by(*order).limit(most))
    return sorted(found, key=lambda one: (one.starts_at, one.id), reverse=is_past)[:most]
