"""Holds: a time that is kept for somebody who is about to confirm it."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild, Hold
from scheduler.booking import eligibility, reservations
from scheduler.core import coaches, members
from scheduler.core.actor import Actor

HOLD = timedelta(minutes=5)
"""For how long a time is kept for somebody who is about to confirm it."""


async def hold(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    coach_id: int,
    starts_at: datetime,
    duration: timedelta,
    now: datetime,
) -> Hold:
    """Keep the time for the actor for 5 minutes, in place of what they held in this server.

    Held again, the same time is not kept any longer. Raises as `book` does.
    """
    await members.lock(session, coach_id, actor.user_id)
    coach = await coaches.approved_coach(session, guild.id, coach_id)
    await eligibility.require_bookable(session, guild, coach, actor, starts_at, duration, None, now)
    held = await session.scalar(_holds_of(guild.id, actor.user_id))
    what = (coach_id, starts_at, starts_at + duration)
    if held is not None and held.expires_at > now and (held.coach_id, held.starts_at, held.ends_at) == what:
        return held
    await release_holds(session, guild.id, coach_id, actor.user_id, now)
    held = Hold(
        guild_id=guild.id,
        coach_id=coach_id,
        student_id=actor.user_id,
        starts_at=starts_at,
        ends_at=starts_at + duration,
        expires_at=now + HOLD,
    )
    session.add(held)
    await session.flush()
    await reservations.reserve(session, coach, actor.user_id, starts_at, duration, now, hold_id=held.id)
    return held


async def release_holds(
    session: AsyncSession, guild_id: int, coach_id: int, student_id: int, now: datetime
) -> None:
    """Drop what the student holds in this server, and what has expired of either person's.

    Locked by ascending id, so that two transactions that drop the same holds do not wait in a circle.
    """
    gone = select(Hold.id).where(is_let_go(guild_id, coach_id, student_id, now))
    ids = list(await session.scalars(gone.order_by(Hold.id).with_for_update()))
    if ids:
        await session.execute(delete(Hold).where(Hold.id.in_(ids)))


def is_let_go(guild_id: int, coach_id: int, student_id: int, now: datetime) -> ColumnElement[bool]:
    """Whether a hold is in nobody's way when these two take a time."""
    people_ids = (coach_id, student_id)
    involves = or_(Hold.coach_id.in_(people_ids), Hold.student_id.in_(people_ids))
    theirs = and_(Hold.guild_id == guild_id, Hold.student_id == student_id)
    return or_(theirs, and_(Hold.expires_at <= now, involves))


def _holds_of(guild_id: int, student_id: int) -> Select[Hold]:
    return select(Hold).where(Hold.guild_id == guild_id, Hold.student_id == student_id)
