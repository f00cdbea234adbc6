"""Running late: who says so in time has longer to show up before they count as a no-show."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, Guild, NotificationKind
from scheduler.attendance import attendance
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import AlreadyDecided, NotAllowed, NotFound, TooEarly, TooLate, Unreadable
from scheduler.notifications import outbox
from scheduler.sessions import events, lifecycle, lookup

CHOICES = (5, 10, 15)
"""By how many minutes people can be late."""
_OPENS = timedelta(hours=1)
"""How long before the start they can say so."""


async def say(
    session: AsyncSession, session_id: int, actor: Actor, minutes: int, now: datetime
) -> CoachingSession:
    """Record that the actor will be late, which their grace period grows by, and tell those who wait for them.

    The session's end stays. Saying the same twice changes nothing. Raises AlreadyDecided for another number of
    minutes than the first, Unreadable for one that isn't offered, and as `find_to_say` does.
    """
    if minutes not in CHOICES:
        raise Unreadable(f"You can be {', '.join(map(str, CHOICES))} minutes late, not {minutes}.")
    found = await find_to_say(session, session_id, actor, now, lock=True, again=minutes)
    if found.late_minutes_of(actor.user_id) is not None:
        return found
    seat = found.participant(actor.user_id)
    if seat is None:
        found.coach_late_minutes = minutes
    else:
        seat.late_minutes = minutes
    found.updated_at = now
    _tell(session, found, actor, now)
    await events.update_room_messages(session, found, now)
    await outbox.requeue_direct(session, found.id, now, user_id=actor.user_id)
    events.record(session, found, "running_late", actor, now, minutes=minutes)
    return found


async def find_to_say(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    now: datetime,
    *,
    lock: bool = False,
    again: int | None = None,
) -> CoachingSession:
    """Return the session if the actor can say now that they'll be late, or has said it, by `again` minutes.

    Raises NotFound to anyone but its coach and those who take part, TooEarly more than an hour ahead, TooLate once
    it's over or their grace period is, NotAllowed if they're in the room, AlreadyDecided if they've said so.
    """
    found = await lookup.find_visible(session, session_id, actor, None, lock=lock)
    if actor.user_id not in found.people:
        raise NotFound("You have no such session. `/sessions` lists yours.")
    if (said := found.late_minutes_of(actor.user_id)) not in (None, again):
        raise AlreadyDecided(f"You've already said that you'll be {said} minutes late. You can say so only once.")
    if said is not None:
        return found
    guild = await session.get_one(Guild, found.guild_id)
    if lifecycle.is_over(found, now) or now >= closes_at(found, guild, actor.user_id):
        raise TooLate("It's too late to say that you'll be late: the time to show up has passed.")
    if now < found.starts_at - _OPENS:
        raise TooEarly(
            f"You can say that you'll be late from {stamp(found.starts_at - _OPENS, 't')} on. Before that, "
            "reschedule or cancel the session in `/sessions`."
        )
    if actor.user_id in await attendance.people_inside(session, found.id):
        raise NotAllowed("You're in the room already, so you aren't late.")
    return found


def can_say(row: CoachingSession, guild: Guild, user_id: int, now: datetime) -> bool:
    """Whether this person can say now that they'll be late, unless they are in the room."""
    has_said = row.late_minutes_of(user_id) is not None
    is_theirs = user_id in row.people and not lifecycle.is_over(row, now)
    return is_theirs and not has_said and row.starts_at - _OPENS <= now < closes_at(row, guild, user_id)


def can_say_from(row: CoachingSession, lead: timedelta, user_id: int) -> bool:
    """Whether this person could say it that long before the start, if it hasn't changed."""
    return lead <= _OPENS and user_id in row.people and row.late_minutes_of(user_id) is None


def closes_at(row: CoachingSession, guild: Guild, user_id: int) -> datetime:
    """Return when this person's grace period ends, and with it the time to say that they'll be late."""
    return attendance.grace_ends_at(row, timedelta(minutes=guild.no_show_grace_minutes), user_id=user_id)


def _tell(session: AsyncSession, found: CoachingSession, actor: Actor, now: datetime) -> None:
    """Tell those who wait: of a participant of a workshop, only the coach."""
    is_in_workshop = found.is_workshop and actor.user_id != found.coach_id
    told = (found.coach_id,) if is_in_workshop else found.people
    for user_id in (one for one in told if one != actor.user_id):
        outbox.enqueue(
            session,
            NotificationKind.RUNNING_LATE,
            found.guild_id,
            now=now,
            user_id=user_id,
            about_user_id=actor.user_id,
            session_id=found.id,
        )
