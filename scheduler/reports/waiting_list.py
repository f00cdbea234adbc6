"""What admins see of the waiting list: who waits, what was offered, and what's overdue."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, FreedTime, Offer, OfferState, Wish
from scheduler.reports.local_days import LocalDays

_MAX_LISTED = 8


class Offered(NamedTuple):
    """Who waits now, and what became of the offers that were made on certain days."""

    waiting: int = 0
    """People who wait now."""
    made: int = 0
    taken: int = 0
    """By booking, or by moving another session."""
    passed: int = 0
    lapsed: int = 0


async def count_waiting(session: AsyncSession, guild_id: int) -> int:
    """Count the people on a server's waiting list."""
    is_open = Wish.guild_id == guild_id, Wish.ended_at.is_(None)
    return await session.scalar(select(func.count(func.distinct(Wish.user_id))).where(*is_open)) or 0


async def count_offers(session: AsyncSession, guild_id: int, calendar: LocalDays) -> Offered:
    """Count who waits, and the offers that were made on these days."""
    rows = calendar.rows(Offer.offered_at, Offer.state, where=[Offer.guild_id == guild_id])
    by_state = select(rows.c.state, func.count()).group_by(rows.c.state)
    found = Counter(dict(list(await session.execute(by_state))))
    return Offered(
        waiting=await count_waiting(session, guild_id),
        made=found.total(),
        taken=found[OfferState.TAKEN] + found[OfferState.RESCHEDULED],
        passed=found[OfferState.PASSED],
        lapsed=found[OfferState.LAPSED],
    )


async def count_overdue(session: AsyncSession, guild_id: int, since: datetime) -> int:
    """Count offers, and times to offer, on which nothing was done although they were due at `since`."""
    coached_here = FreedTime.coach_id.in_(select(Coach.user_id).where(Coach.guild_id == guild_id))
    times = select(func.count()).where(FreedTime.next_step_at <= since, coached_here)
    offers = select(func.count()).where(Offer.next_step_at <= since, Offer.guild_id == guild_id)
    return (await session.scalar(times) or 0) + (await session.scalar(offers) or 0)


async def offers_about(session: AsyncSession, one: CoachingSession) -> Sequence[Offer]:
    """Return the last offers from which a session came or, once it was cancelled, of its time; oldest first."""
    about = Offer.session_id == one.id
    if one.cancelled_at is not None:
        overlaps = Offer.starts_at < one.ends_at, Offer.ends_at > one.starts_at
        about = or_(about, and_(Offer.guild_id == one.guild_id, *overlaps, Offer.offered_at >= one.cancelled_at))
    its_coach = Offer.coach_id == one.coach_id
    newest = select(Offer).where(its_coach, about).order_by(Offer.id.desc()).limit(_MAX_LISTED)
    return list(await session.scalars(newest))[::-1]
