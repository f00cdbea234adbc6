"""Whether coaches are still in their server. Discord tells nobody without a privileged intent, so it is asked."""

import logging
from datetime import timedelta

from sqlalchemy import select

from models import Coach, CoachStatus
from models.database import Database
from scheduler.clock import Clock
from scheduler.ports import Discord, DiscordFailure

log = logging.getLogger(__name__)

_LOOK_AGAIN = timedelta(days=1)
_AFTER_FAILURE = timedelta(minutes=10)
_AT_ONCE = 25
"""Coaches whom one tick asks about: each costs a request."""


async def check_due(db: Database, discord: Discord, clock: Clock) -> int:
    """Ask about those coaches whose turn it is, each once a day; returns how many could not be asked about."""
    async with db.read() as session:
        due = list(
            await session.execute(
                select(Coach.guild_id, Coach.user_id)
                .where(Coach.presence_due_at.is_not(None), Coach.presence_due_at <= clock())
                .order_by(Coach.presence_due_at)
                .limit(_AT_ONCE)
            )
        )
    answers = [await check(db, discord, clock, guild_id, user_id) for guild_id, user_id in due]
    return answers.count(False)


async def check(db: Database, discord: Discord, clock: Clock, guild_id: int, user_id: int) -> bool:
    """Ask about one coach and write the answer down; whether there was one."""
    here: bool | None = None
    try:
        here = await discord.is_member(guild_id, user_id)
    except DiscordFailure as failure:
        log.warning("whether coach %s is in guild %s: %s", user_id, guild_id, failure)
    except Exception:  # nobody waits for their notices, or for the next coach, because of one
        log.exception("whether coach %s is in guild %s", user_id, guild_id)
    async with db.begin() as session:
        coach = await session.get(Coach, (guild_id, user_id), with_for_update=True)
        if coach is None or coach.status is not CoachStatus.APPROVED:
            if coach is not None:
                coach.presence_due_at = None
            return True
        coach.presence_due_at = clock() + (_AFTER_FAILURE if here is None else _LOOK_AGAIN)
        if here is not None:
            coach.left_at = None if here else coach.left_at or clock()
    return here is not None
