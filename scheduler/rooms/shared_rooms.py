"""Sessions of the same two people that share a room, one after the other.

A coach and student who meet from 14 to 15 and again from 15 to 16 stay where they are: no other room is made while
an earlier session of theirs in this server is running. When it's over, the later session takes over its room, with
everyone inside, and warns them and removes it at its own end. How long the gap is doesn't matter, only whether the
room is still there: an empty one is removed at once.

The loop advances sessions of the same two people one after the other, earliest first, so a room is never removed
while it's being taken over.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AHEAD, CoachingSession, Guild, Participant, SessionStatus
from scheduler.attendance import attendance
from scheduler.notifications import kinds, outbox
from scheduler.notifications.kinds import Audience
from scheduler.sessions import events

_LONGEST_LOOKED_AT = timedelta(days=10)
"""How long after its start a session can need work: it takes a day at most, and retries end a week later.

Without it, SQLite reads every session that the two people ever had.
"""


async def earlier_ends_at(session: AsyncSession, row: CoachingSession, now: datetime) -> datetime | None:
    """Return when the earlier session of the same two people ends, if one isn't over yet."""
    is_not_over = CoachingSession.status.in_(AHEAD), CoachingSession.ends_at > now
    earlier = *_of_the_same_two(row, now), *is_not_over, CoachingSession.starts_at < row.starts_at
    ends_at = func.max(CoachingSession.ends_at, type_=CoachingSession.ends_at.type)
    return await session.scalar(select(ends_at).where(*earlier))


async def is_wanted(session: AsyncSession, row: CoachingSession, guild: Guild, now: datetime) -> bool:
    """Whether another session of the same two people needs a room by now and has none, so it'll take this one."""
    wants = (
        CoachingSession.status.in_(AHEAD),
        CoachingSession.room_intended_at.is_(None),
        CoachingSession.starts_at <= now + timedelta(minutes=guild.room_lead_minutes),
        CoachingSession.ends_at > now,
    )
    other = select(CoachingSession.id).where(*_of_the_same_two(row, now), *wants)
    return await session.scalar(other.limit(1)) is not None


async def take_over(session: AsyncSession, row: CoachingSession, now: datetime) -> bool:
    """Take over the room that another session of the same two people is done with or needs only later.

    Returns whether there was one. It still has to be opened for this session, which people inside don't notice.
    """
    done_with = and_(CoachingSession.status.not_in(AHEAD), CoachingSession.room_removed_at.is_(None))
    later = and_(CoachingSession.status == SessionStatus.SCHEDULED, CoachingSession.starts_at > row.starts_at)
    there = CoachingSession.discord_setup_complete, CoachingSession.discord_channel_id.is_not(None)
    candidate = select(CoachingSession.id).where(*_of_the_same_two(row, now), *there, or_(done_with, later))
    giver_id = await session.scalar(candidate.order_by(CoachingSession.ends_at.desc()).limit(1))
    if giver_id is None:
        return False
    both = select(CoachingSession).where(CoachingSession.id.in_((row.id, giver_id)))
    locked = {one.id: one for one in await session.scalars(both.order_by(CoachingSession.id).with_for_update())}
    taker, giver = locked[row.id], locked[giver_id]
    for column in ("discord_channel_id", "room_intended_at", "discord_role_id", "role_intended_at"):
        setattr(taker, column, getattr(giver, column))
    taker.discord_setup_complete, taker.updated_at = True, now
    release(giver, now)
    giver.next_step_at = now if giver.status is SessionStatus.SCHEDULED else None
    giver.attempts, giver.last_error = 0, None  # the room's failures aren't its own any more
    await attendance.carry_over(session, giver.id, taker.id, now)
    await outbox.drop(session, giver.id, kinds.sent_to(Audience.ROOM), "the next session uses its room", now)
    for one, action in ((giver, "room_handed_over"), (taker, "room_taken_over")):
        events.record_by_bot(session, one, action, now, channel_id=taker.discord_channel_id)
    return True


def release(row: CoachingSession, now: datetime) -> None:
    """Let go of the session's room. If the session is still ahead, it'll get another one."""
    if row.status is SessionStatus.SCHEDULED:
        forget_room(row)
        row.discord_role_id = row.role_intended_at = None
    else:
        row.room_removed_at = now


def forget_room(row: CoachingSession) -> None:
    """Forget the session's room, so that another one is made."""
    row.discord_channel_id, row.discord_setup_complete = None, False
    row.room_intended_at = row.access_granted_at = None


def _of_the_same_two(row: CoachingSession, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Select the pair's other sessions that still have something due. Those are few; a workshop has none."""
    if row.is_workshop:
        return (false(),)
    return (
        CoachingSession.starts_at > now - _LONGEST_LOOKED_AT,
        CoachingSession.next_step_at.is_not(None),
        CoachingSession.guild_id == row.guild_id,
        CoachingSession.coach_id == row.coach_id,
        CoachingSession.is_workshop.is_(False),
        CoachingSession.has_participant(row.student_id, Participant.starts_at > now - _LONGEST_LOOKED_AT),
        CoachingSession.id != row.id,
    )
