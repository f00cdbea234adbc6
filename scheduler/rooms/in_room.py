"""Ending a session early from its room, and finding a running session for what people press there."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild
from scheduler.attendance import attendance, outcomes
from scheduler.booking import cancellation
from scheduler.core import members
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import TooEarly, TooLate
from scheduler.sessions import events, lifecycle, lookup


async def end_early(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, guild_id: int | None = None
) -> CoachingSession:
    """End a running session now. The rest of its time is free again, and the room goes once it's empty.

    It can't be ended while someone may still come. If someone didn't come, the loop decides on the no-show,
    because it first asks Discord what kept them out. `guild_id` is where an admin presses; None in a DM. Raises
    NotFound to anyone but its coach, its student and admins of its server, TooEarly, TooLate.
    """
    found = await lock_running(session, session_id, actor, guild_id, now)
    guild = await _check_may_end(session, found, now)
    await cancellation.end_early(session, found, guild, now)
    events.record(session, found, "session_ended", actor, now)
    return found


async def find_endable(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime, *, guild_id: int | None = None
) -> CoachingSession:
    """Return the session if this actor can end it now; raises as `end_early` does."""
    found = await lookup.find_visible(session, session_id, actor, guild_id)
    _check_running(found, now)
    await _check_may_end(session, found, now)
    return found


async def lock_running(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int | None, now: datetime
) -> CoachingSession:
    """Lock a running session, and the time of its people. Raises NotFound, TooEarly, TooLate."""
    found = await lookup.find_visible(session, session_id, actor, guild_id)
    await members.lock(session, *found.people)
    found = await lookup.find_visible(session, session_id, actor, guild_id, lock=True)
    _check_running(found, now)
    return found


def _check_running(found: CoachingSession, now: datetime) -> None:
    if lifecycle.is_over(found, now):
        raise TooLate("This session is over.")
    if not lifecycle.has_started(found, now):
        raise TooEarly(f"This session starts {stamp(found.starts_at, 'R')}. To cancel it, use `/sessions`.")


async def _check_may_end(session: AsyncSession, found: CoachingSession, now: datetime) -> Guild:
    guild = await session.get_one(Guild, found.guild_id)
    if found.access_granted_at is not None or await attendance.anyone_came(session, found):
        grace, ends_at = timedelta(minutes=guild.no_show_grace_minutes), lifecycle.end_if_ended(found, now)
        absent = await outcomes.find_absent(session, found, guild, ends_at)
        until = max((attendance.grace_ends_at(found, grace, user_id=one) for one in absent), default=now)
        if now < until:
            raise TooEarly(
                f"Not everyone is here yet, and they have until {stamp(until, 't')}. End the session after that, "
                "or cancel it in `/sessions`."
            )
    return guild
