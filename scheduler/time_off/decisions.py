"""What a coach who's away does with their sessions: rescheduling, cancelling or keeping each."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from models import Absence, AbsenceOutcome, CoachingSession
from models.storage.database import Database
from scheduler.booking import cancellation, rescheduling
from scheduler.core import coaches
from scheduler.core.actor import Actor
from scheduler.core.clock import Clock
from scheduler.core.errors import CoachingError, NotFound
from scheduler.core.task_pool import attempt
from scheduler.time_off import absences, answers, closures, summaries
from scheduler.time_off.absences import Away

AWAY = "I'm away then."
"""The reason that students read if the coach gave none."""
_Decide = Callable[[AsyncSession, int, datetime], Awaitable[CoachingSession]]
"""Takes the session's id and the time."""


class Done(NamedTuple):
    """What one press did about all sessions that were left."""

    changed: int
    failed: int
    """Couldn't be changed, and are still listed."""


async def reschedule(
    session: AsyncSession,
    absence_id: int,
    session_id: int,
    guild_id: int,
    actor: Actor,
    starts_at: datetime,
    now: datetime,
) -> CoachingSession:
    """Reschedule a session to a time when its coach is back. Raises as `rescheduling.reschedule` does."""
    absence, before = await _find(session, absence_id, session_id, guild_id, actor, now)
    was_at, why = before.starts_at, absence.reason or AWAY
    found = await rescheduling.reschedule(session, session_id, actor, starts_at, why, now, guild_id=guild_id)
    if found.starts_at != was_at:
        await summaries.tell(session, absence, found, AbsenceOutcome.RESCHEDULED, was_at, found.people, now)
    return found


async def cancel(
    session: AsyncSession,
    absence_id: int,
    session_id: int,
    guild_id: int,
    actor: Actor,
    reason: str,
    now: datetime,
) -> CoachingSession:
    """Cancel a session, a workshop for everybody. Raises as `cancellation.cancel` does."""
    absence, _ = await _find(session, absence_id, session_id, guild_id, actor, now)
    found = await cancellation.cancel(session, session_id, actor, guild_id, reason, now)
    people = found.people
    await summaries.tell(session, absence, found, AbsenceOutcome.CANCELLED, found.starts_at, people, now)
    return found


async def keep(
    session: AsyncSession, absence_id: int, session_id: int, guild_id: int, actor: Actor, now: datetime
) -> CoachingSession:
    """Keep a session although its coach is away. Raises NotFound, TooLate."""
    await _find(session, absence_id, session_id, guild_id, actor, now)
    found = await rescheduling.keep_session(session, session_id, actor, now)
    await answers.withdraw(session, found, now)
    await closures.announce_seats(session, [found], now)
    return found


async def come_back(session: AsyncSession, absence_id: int, guild_id: int, actor: Actor, now: datetime) -> Absence:
    """Let the days of an absence be booked again. What was changed stays so. Doing it twice changes nothing.

    Raises NotFound.
    """
    coach = await coaches.approved_coach(session, guild_id, actor.user_id, own=True, lock=True)
    absence = await absences.find_own(session, absence_id, guild_id, actor, lock=True)
    if absence.ended_at is None:
        away = await absences.look(session, absence, coach, now)
        await absences.end(session, absence, coach, actor, now)
        for one in away.sessions:
            if one.question is not None:
                await answers.withdraw(session, one.session, now)
        await closures.announce_seats(session, [one.session for one in away.sessions], now)
    return absence


async def cancel_left(
    db: Database, clock: Clock, absence_id: int, guild_id: int, actor: Actor, reason: str
) -> Done:
    """Cancel all sessions about which nothing was decided. Raises NotFound, TooLate if there's no such absence."""

    async def decide(session: AsyncSession, session_id: int, now: datetime) -> CoachingSession:
        return await cancel(session, absence_id, session_id, guild_id, actor, reason, now)

    cancellation.check_reason(reason)
    return await _do_each(db, clock, absence_id, guild_id, actor, decide)


async def keep_left(db: Database, clock: Clock, absence_id: int, guild_id: int, actor: Actor) -> Done:
    """Keep them all. Raises as `cancel_left` does."""

    async def decide(session: AsyncSession, session_id: int, now: datetime) -> CoachingSession:
        return await keep(session, absence_id, session_id, guild_id, actor, now)

    return await _do_each(db, clock, absence_id, guild_id, actor, decide)


async def _do_each(
    db: Database, clock: Clock, absence_id: int, guild_id: int, actor: Actor, decide: _Decide
) -> Done:
    """Decide about each session in a transaction of its own, so that one that fails leaves the others done."""
    async with db.read() as session:
        away = await look(session, absence_id, guild_id, actor, clock())
    changed = 0
    for one in away.left:
        work = partial(_do_one, db, clock, one.id, decide)
        changed += await attempt(f"deciding about session {one.id}", work)
    return Done(changed, len(away.left) - changed)


async def _do_one(db: Database, clock: Clock, session_id: int, decide: _Decide) -> bool:
    try:
        async with db.begin() as session:
            await decide(session, session_id, clock())
    except CoachingError:  # it has started, or somebody else was first
        return False
    return True


async def look(session: AsyncSession, absence_id: int, guild_id: int, actor: Actor, now: datetime) -> Away:
    """Return an absence with what's left to decide, for its coach. Raises NotFound, TooLate if it was ended."""
    coach = await coaches.approved_coach(session, guild_id, actor.user_id, own=True)
    absence = await absences.find_current(session, absence_id, guild_id, actor)
    return await absences.look(session, absence, coach, now)


async def find_to_decide(
    session: AsyncSession, absence_id: int, session_id: int, guild_id: int, actor: Actor, now: datetime
) -> CoachingSession:
    """Return a session of the coach in their absence. Raises NotFound, TooLate."""
    return (await _find(session, absence_id, session_id, guild_id, actor, now))[1]


async def _find(
    session: AsyncSession, absence_id: int, session_id: int, guild_id: int, actor: Actor, now: datetime
) -> tuple[Absence, CoachingSession]:
    absence = await absences.find_current(session, absence_id, guild_id, actor)
    found = await rescheduling.find_ahead(session, session_id, actor, now, lock=False)
    rescheduling.require_coach(found, actor)
    if found.guild_id != guild_id:
        raise NotFound("You don't coach that session here. `/sessions` lists yours.")
    return absence, found
