"""Whether coaches, and students with upcoming sessions, are still in their server.

Discord tells nobody without a privileged intent, so it is asked.
"""

import logging
from datetime import timedelta

from sqlalchemy import func, select, update

from models import Coach, CoachingSession, CoachStatus, Guild
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

_LOOK_AGAIN = timedelta(days=1)
_AFTER_FAILURE = timedelta(minutes=10)
_AT_ONCE = 25
"""People of each sort whom one tick asks about: each costs a request."""


async def check_due(db: Database, discord: Membership, clock: Clock) -> int:
    """Ask about those whose turn it is, each once a day; returns how many could not be asked about."""
    async with db.read() as session:
        due = list(
            await session.execute(
                select(Coach.guild_id, Coach.user_id)
                .where(Coach.membership_due_at.is_not(None), Coach.membership_due_at <= clock())
                .order_by(Coach.membership_due_at)
                .limit(_AT_ONCE)
            )
        )
        students = list(
            await session.execute(
                select(CoachingSession.guild_id, CoachingSession.student_id)
                .where(
                    CoachingSession.membership_due_at.is_not(None), CoachingSession.membership_due_at <= clock()
                )
                .group_by(CoachingSession.guild_id, CoachingSession.student_id)
                .order_by(func.min(CoachingSession.membership_due_at))
                .limit(_AT_ONCE)
            )
        )
        gone = set(await session.scalars(select(Guild.id).where(Guild.bot_removed_at.is_not(None))))
    answers: list[bool] = []
    for ask, whom in ((_check_coach, due), (_check_student, students)):
        for guild_id, user_id in whom:
            if guild_id in gone:
                await _stop(db, guild_id)
                continue
            try:
                answers.append(await ask(db, discord, clock, guild_id, user_id))
            except NotInServer:
                await bot_removal.found_removed(db, clock, guild_id)
                gone.add(guild_id)
    return answers.count(False)


async def _stop(db: Database, guild_id: int) -> None:
    """Stop looking for people in a server that the bot isn't in, until it's back."""
    async with db.begin() as session:
        for table in (Coach, CoachingSession):
            theirs = table.guild_id == guild_id, table.membership_due_at.is_not(None)
            if table is CoachingSession:
                await lock_sessions(session, *theirs)
            await session.execute(update(table).where(*theirs).values(membership_due_at=None))


async def check(db: Database, discord: Membership, clock: Clock, guild_id: int, user_id: int) -> bool:
    """Ask about one coach out of turn. Returns whether there was an answer."""
    try:
        return await _check_coach(db, discord, clock, guild_id, user_id)
    except NotInServer:
        return False


async def _check_coach(db: Database, discord: Membership, clock: Clock, guild_id: int, user_id: int) -> bool:
    """Ask about one coach and record the answer and their name. Returns whether there was an answer.

    What becomes of the upcoming sessions of one who is gone is the server's choice.
    """
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
        is_their_turn = coach.membership_due_at is not None and coach.membership_due_at <= clock()
        coach.membership_due_at = clock() + (_AFTER_FAILURE if here is None else _LOOK_AGAIN)
        if here:
            if is_their_turn or coach.left_at is not None:
                # They may have left and come back between two looks, or somebody may have taken the role.
                coaches.want_role_again(coach, clock())
            coach.left_at = None
            if name is not None:
                coach.display_name = name[: members.LONGEST_NAME]
        elif here is False:
            await departures.handle_departure(session, guild_id, user_id, Why.LEFT, clock())
        await lost_zones.inspect_zone(session, coach, clock())
    return here is not None


async def _check_student(db: Database, discord: Membership, clock: Clock, guild_id: int, user_id: int) -> bool:
    here, _ = await _ask(discord, guild_id, user_id)
    again_at = clock() + (_AFTER_FAILURE if here is None else _LOOK_AGAIN)
    async with db.begin() as session:
        await members.lock(session, user_id)
        if here is False:
            await departures.handle_departure(session, guild_id, user_id, Why.LEFT, clock())
        for one in await lock_sessions(
            session,
            CoachingSession.membership_due_at.is_not(None),
            CoachingSession.guild_id == guild_id,
            CoachingSession.student_id == user_id,
        ):
            # Shortly before a session its steps ask by themselves.
            one.membership_due_at = again_at if one.starts_at > again_at else None
    return here is not None


async def _ask(discord: Membership, guild_id: int, user_id: int) -> tuple[bool | None, str | None]:
    """Whether this person is there (None if Discord can't say), and their name if so. Raises NotInServer."""
    try:
        name = await discord.member_name(guild_id, user_id)
        return name is not None, name
    except NotInServer:
        raise
    except DiscordFailure as failure:
        log.warning("whether %s is in guild %s: %s", user_id, guild_id, failure)
    except Exception:  # nobody waits for their messages, or for the next person, because of one
        log.exception("whether %s is in guild %s", user_id, guild_id)
    return None, None
