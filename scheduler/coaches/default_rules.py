"""Applying the server's default booking rules to its present coaches."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachStatus, Guild, NotificationKind
from scheduler.availability import booking_policy, changed_hours, schedule
from scheduler.core import audit, members
from scheduler.core.actor import Actor
from scheduler.notifications import outbox


async def with_other_rules(
    session: AsyncSession, guild: Guild, actor: Actor, *, lock: bool = False
) -> list[Coach]:
    """List the coaches here whose booking rules differ from the default. Raises NotAllowed."""
    actor.must_be_admin()
    here = Coach.guild_id == guild.id, Coach.status == CoachStatus.APPROVED, Coach.left_at.is_(None)
    query = select(Coach).where(*here).order_by(Coach.user_id)
    locking = query.with_for_update().execution_options(populate_existing=True)
    found = await session.scalars(locking if lock else query)
    wanted = booking_policy.default_policy(guild)
    return [coach for coach in found if booking_policy.rules_of(coach) != wanted]


async def apply_to_all(session: AsyncSession, guild: Guild, actor: Actor, now: datetime) -> int:
    """Give every coach here the default rules. Returns how many had other rules.

    They're told and can undo it once. Booked sessions don't change. Raises NotAllowed.
    """
    await members.lock(session, *(one.user_id for one in await with_other_rules(session, guild, actor)))
    coaches = await with_other_rules(session, guild, actor, lock=True)
    wanted = booking_policy.default_policy(guild)
    for coach in coaches:
        before = await schedule.state_of(session, coach)
        booking_policy.apply_rules(coach, wanted)
        await schedule.allow_undo(session, coach, before)
        outbox.enqueue_to_coach(session, NotificationKind.RULES_GIVEN, guild.id, coach.user_id, now)
        who = {"actor_id": actor.user_id, "coach_id": coach.user_id}
        audit.record(session, guild.id, "rules_given", at=now, **who, details=booking_policy.to_json(wanted))
        await changed_hours.announce_bookable(session, coach, now)
    await session.flush()
    return len(coaches)
