"""Holds: times kept for students who are about to confirm them, or to pay for them."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Guild, Hold
from scheduler.booking import eligibility, releases, reservations
from scheduler.core import coaches, members
from scheduler.core.actor import Actor

HOLD = timedelta(minutes=5)
"""How long a time is kept while its student chooses."""


async def hold(
    session: AsyncSession,
    guild: Guild,
    actor: Actor,
    coach_id: int,
    starts_at: datetime,
    duration: timedelta,
    now: datetime,
) -> Hold:
    """Hold a time for the actor for five minutes, and release what they were choosing in this server before.

    Holding the same time again doesn't extend the hold. Raises as `book` does.
    """
    await members.lock(session, coach_id, actor.user_id)
    coach = await coaches.approved_coach(session, guild.id, coach_id)
    await eligibility.require_bookable(session, guild, coach, actor, starts_at, duration, None, now)
    held = await session.scalar(select(Hold).where(releases.is_chosen_by(guild.id, actor.user_id)))
    what = (coach_id, starts_at, starts_at + duration)
    if held is not None and held.expires_at > now and (held.coach_id, held.starts_at, held.ends_at) == what:
        return held
    await releases.release_holds(session, guild.id, coach_id, actor.user_id, now, taking=starts_at)
    held = Hold(
        guild_id=guild.id,
        coach_id=coach_id,
        student_id=actor.user_id,
        starts_at=starts_at,
        ends_at=starts_at + duration,
        expires_at=now + HOLD,
        next_step_at=now + HOLD,
    )
    session.add(held)
    await session.flush()
    await reservations.reserve(session, coach, actor.user_id, starts_at, duration, now, hold_id=held.id)
    return held
