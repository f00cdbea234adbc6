"""Whether coaches, and students with upcoming sessions, are still in their server.

Without a privileged intent, Discord doesn't say who leaves, so we ask.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, CoachStatus, Guild, Participant
from models.storage.database import Database
from scheduler.availability import lost_zones
from scheduler.booking import departures
from scheduler.booking.departures import Why
from scheduler.booking.ports import Membership
from scheduler.core import coaches, members
from scheduler.core.clock import Clock
from scheduler.core.errors import DiscordFailure, NotInServer
from scheduler.core.row_locks import lock_coach, lock_sessions
from scheduler.notifications import bot_removal

log = logging.getLogger(__name__)

_CHECK_AGAIN = timedelta(days=1)
_AFTER_FAILURE = timedelta(minutes=10)
_AT_ONCE = 25
"""How many coaches, and how many students, one tick asks about: each costs a request."""


async def check_due(db: Database, discord: Membership, clock: Clock) -> int:
    """Ask about everyone who is due, each once a day; return for how many there was no answer."""
    async with db.read() as session:
        due_coaches = await _due(session, Coach, clock())
        due_students = await _due(session, Participant, clock(), func.min(Participant.starts_at))
        left = set(await session.scalars(select(Guild.id).where(Guild.bot_removed_at.is_not(None))))
    answers: list[bool] = []
    for check_one, people in ((_check_coach, due_coaches), (_check_student, due_students)):
        for guild_id, user_id, *first in people:
            if guild_id in left:
                await _stop(db, guild_id)
                continue
            try:
                answers.append(await check_one(db, discord, clock, guild_id, user_id, *first))
            except NotInServer:
                await bot_removal.record_removal_found(db, clock, guild_id)
                left.add(guild_id)
    return answers.count(False)


async def _due(
    session: AsyncSession, table: type[Coach | Participant], now: datetime, *first: ColumnElement[Any]
) -> Sequence[tuple[Any, ...]]:
    """Return server and person, and `first` of what's due for them, longest overdue first."""
    due_at = table.membership_due_at
    due = select(table.guild_id, table.user_id, *first).where(due_at.is_not(None), due_at <= now)
    longest_overdue = due.group_by(table.guild_id, table.user_id).order_by(func.min(due_at)).limit(_AT_ONCE)
    return [tuple(one) for one in await session.execute(longest_overdue)]


async def _stop(db: Database, guild_id: int) -> None:
    """Stop checking people in a server that the bot isn't in, until it's back."""
    async with db.begin() as session:
        for table in (Coach, Participant):
            theirs = table.guild_id == guild_id, table.membership_due_at.is_not(None)
            if table is Participant:
                await lock_sessions(session, CoachingSession.id.in_(select(Participant.session_id).where(*theirs)))
            await session.execute(update(table).where(*theirs).values(membership_due_at=None))


async def check(db: Database, discord: Membership, clock: Clock, guild_id: int, user_id: int) -> bool:
    """Ask about one coach now, due or not. Returns whether there was an answer."""
    try:
        return await _check_coach(db, discord, clock, guild_id, user_id)
    except NotInServer:
        return False


async def _check_coach(db: Database, discord: Membership, clock: Clock, guild_id: int, user_id: int) -> bool:
    """Ask about one coach, and record the answer and their name. Returns whether there was an answer."""
    here, name = await _ask(discord, guild_id, user_id)
    async with db.begin() as session:
        if await session.get(Coach, (guild_id, user_id)) is None:
            return True  # before locking, which would add a row for a stranger
        coach = await lock_coach(session, guild_id, user_id)
        if coach is None or coach.status is not CoachStatus.APPROVED:
            if coach is not None:
                coach.membership_due_at = None
                await lost_zones.inspect_zone(session, coach, clock())
            return True
        is_due = coach.membership_due_at is not None and coach.membership_due_at <= clock()
        coach.membership_due_at = clock() + (_AFTER_FAILURE if here is None else _CHECK_AGAIN)
        if here:
            if is_due or coach.left_at is not None:
                # They may have left and come back between two checks, or someone may have removed the role.
                coaches.want_role_again(coach, clock())
            coach.left_at = None
            if name is not None:
                coach.display_name = name[: members.LONGEST_NAME]
        elif here is False:
            await departures.handle_departure(session, guild_id, user_id, Why.LEFT, clock())
        await lost_zones.inspect_zone(session, coach, clock())
    return here is not None


async def _check_student(
    db: Database, discord: Membership, clock: Clock, guild_id: int, user_id: int, first_at: datetime
) -> bool:
    """Ask about one student whose first session that's due starts at `first_at`. See `_check_coach`."""
    here, _ = await _ask(discord, guild_id, user_id)
    still_matters = Participant.starts_at >= min(first_at, clock())  # an index has theirs by start
    checked = Participant.guild_id == guild_id, Participant.membership_due_at.is_not(None), still_matters
    again_at = clock() + (_AFTER_FAILURE if here is None else _CHECK_AGAIN)
    async with db.begin() as session:
        await members.lock(session, user_id)
        if here is False:
            await departures.handle_departure(session, guild_id, user_id, Why.LEFT, clock())
        for one in await lock_sessions(session, CoachingSession.has_participant(user_id, *checked)):
            # Shortly before a session, its own steps ask.
            if (theirs := one.participant(user_id)) is not None:
                theirs.membership_due_at = again_at if one.starts_at > again_at else None
    return here is not None


async def _ask(discord: Membership, guild_id: int, user_id: int) -> tuple[bool | None, str | None]:
    """Return whether this person is there (None: Discord can't say), and their name if so. Raises NotInServer."""
    try:
        name = await discord.member_name(guild_id, user_id)
        return name is not None, name
    except NotInServer:
        raise
    except DiscordFailure as failure:
        log.warning("whether %s is in guild %s: %s", user_id, guild_id, failure)
    except Exception:  # one failure mustn't hold up other people, or messages
        log.exception("whether %s is in guild %s", user_id, guild_id)
    return None, None
