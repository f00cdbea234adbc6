"""Whose room a room is: one session's at a time, and of two people's adjoining sessions one after the other.

Coach and student who meet from 14 to 15 and again from 15 to 16 stay where they are. So where a session's room
is due while an earlier session of the same two, in the same server, still runs, none is made yet. When the earlier
one is over, the later takes its room over as it is, with whoever is inside: from then on they attend the later
session, whose part it is to warn them and to remove the room. How long the gap is does not matter, only whether
the room is still there when the next one is due; an empty one whose time is over goes at once.

The loop advances sessions of the same two one after the other, the earlier first, so nobody removes a room while
somebody else takes it over.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import CoachingSession, SessionStatus
from scheduler.attendance import attendance
from scheduler.core import audit
from scheduler.notifications import kinds, outbox
from scheduler.notifications.kinds import Audience

_AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)

_LONGEST_LOOKED_AT = timedelta(days=10)
"""After its start, at most: a session takes a day, and a week later what could not be done is given up.

It also keeps the queries below to recent sessions: without it, SQLite goes through all that two people ever had.
"""


async def free_from(session: AsyncSession, row: CoachingSession, now: datetime) -> datetime | None:
    """When the earlier session of the same two ends that has not yet, so that its room can be had; None: none."""
    runs = CoachingSession.status.in_(_AHEAD), CoachingSession.ends_at > now
    return await session.scalar(
        select(func.max(CoachingSession.ends_at, type_=CoachingSession.ends_at.type)).where(
            *_of_the_same_two(row, now), *runs, CoachingSession.starts_at < row.starts_at
        )
    )


async def is_wanted(session: AsyncSession, row: CoachingSession, lead: timedelta, now: datetime) -> bool:
    """Whether another session of the same two is to have a room by now and has none, so that it takes this one."""
    wants = (
        CoachingSession.status.in_(_AHEAD),
        CoachingSession.room_intended_at.is_(None),
        CoachingSession.starts_at <= now + lead,
        CoachingSession.ends_at > now,
    )
    return (
        await session.scalar(select(CoachingSession.id).where(*_of_the_same_two(row, now), *wants).limit(1))
        is not None
    )


async def take_over(session: AsyncSession, row: CoachingSession, now: datetime) -> bool:
    """Give the session the room that another of the same two is done with, or needs only later.

    Whether there was one. It is still to be opened for this session, which changes nothing for whoever is inside.
    """
    done_with = and_(CoachingSession.status.not_in(_AHEAD), CoachingSession.room_removed_at.is_(None))
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
    part_with(giver, now)
    giver.next_step_at = now if giver.status is SessionStatus.SCHEDULED else None
    giver.attempts, giver.last_error = 0, None  # what failed with the room is not its matter any more
    await attendance.go_over(session, giver.id, taker.id, now)
    await outbox.drop(session, giver.id, kinds.sent_to(Audience.ROOM), "the next session uses its room", now)
    for one, action in ((giver, "room_handed_over"), (taker, "room_taken_over")):
        details = {"channel_id": taker.discord_channel_id}
        audit.record(
            session, one.guild_id, action, at=now, coach_id=one.coach_id, session_id=one.id, details=details
        )
    return True


def part_with(row: CoachingSession, now: datetime) -> None:
    """The room is this session's no more. One that is still ahead is to get another."""
    if row.status is SessionStatus.SCHEDULED:
        forget(row)
        row.discord_role_id = row.role_intended_at = None
    else:
        row.room_removed_at = now


def forget(row: CoachingSession) -> None:
    """The room is gone before its time, so it is to be made again."""
    row.discord_channel_id, row.discord_setup_complete = None, False
    row.room_intended_at = row.access_granted_at = None


def _of_the_same_two(row: CoachingSession, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what picks the other sessions that the loop still looks at, which are few."""
    return (
        CoachingSession.starts_at > now - _LONGEST_LOOKED_AT,
        CoachingSession.next_step_at.is_not(None),
        CoachingSession.guild_id == row.guild_id,
        CoachingSession.coach_id == row.coach_id,
        CoachingSession.student_id == row.student_id,
        CoachingSession.id != row.id,
    )
