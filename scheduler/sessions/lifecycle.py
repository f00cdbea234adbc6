"""What a session needs next, and when. Pure: everything follows from its row and the server's lead times."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.guild import Guild
from models.session import AHEAD, CoachingSession, SessionStatus


class Step(StrEnum):
    """One thing the loop does for a session."""

    MAKE_ROOM = "make_room"
    OPEN_ROOM = "open_room"
    START = "start"
    FINISH = "finish"
    REMOVE_ROOM = "remove_room"


AT_DISCORD = frozenset({Step.MAKE_ROOM, Step.OPEN_ROOM, Step.REMOVE_ROOM})
"""The steps that need Discord."""


class Due(NamedTuple):
    """A step and when it's due (UTC)."""

    step: Step
    at: datetime


_SHORTEST = timedelta(seconds=1)
"""The shortest session, because its end is after its start."""
MUCH_TOO_EARLY = timedelta(hours=1)
"""A room that exists this long before its time is removed and made again later: the session was rescheduled."""
HARD_LIMIT = timedelta(hours=1)
"""How long after the warning a room with people in it is removed."""
_LEAST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=10)
"""Before making a room again that was deleted more than once."""


def has_started(row: CoachingSession, now: datetime) -> bool:
    """Whether it has started, as it has at the start itself. The tick may be late to record it."""
    return row.starts_at <= now


def is_over(row: CoachingSession, now: datetime) -> bool:
    """Whether it has ended, as it has at the end itself, or was cancelled. The tick may be late to record it."""
    return row.status not in AHEAD or row.ends_at <= now


def is_running(row: CoachingSession, now: datetime) -> bool:
    """Whether it has started and isn't over."""
    return has_started(row, now) and not is_over(row, now)


def end_if_ended(row: CoachingSession, now: datetime) -> datetime:
    """Return when a running session ends if someone ends it now."""
    return max(now, row.starts_at + _SHORTEST)


def next_step(
    row: CoachingSession, guild: Guild, now: datetime, *, except_for: Collection[Step] = ()
) -> Due | None:
    """Return the earliest step that still helps, due or not; None if nothing is left to do.

    Skips steps in `except_for`, so that a session starts even if its room can't be made.
    """
    steps = [due for due in _steps(row, guild, now) if due.step not in except_for]
    return min(steps, key=lambda due: due.at, default=None)


def _steps(row: CoachingSession, guild: Guild, now: datetime) -> list[Due]:
    if row.status not in AHEAD:
        return [Due(Step.REMOVE_ROOM, row.cancelled_at or row.ends_at)] if _room_may_exist(row) else []
    steps = []  # on a tie, the room comes first
    if is_much_too_early(row, guild, now):
        steps.append(Due(Step.REMOVE_ROOM, now))
    elif now < row.ends_at and not row.discord_setup_complete:
        due_at = _room_due_at(row, guild)
        steps.append(Due(Step.MAKE_ROOM, max(due_at, _room_again_at(row) or due_at)))
    elif now < row.ends_at and row.access_granted_at is None:
        steps.append(Due(Step.OPEN_ROOM, row.starts_at - timedelta(minutes=guild.access_lead_minutes)))
    is_running = row.status is SessionStatus.IN_PROGRESS
    steps.append(Due(Step.FINISH, row.ends_at) if is_running else Due(Step.START, row.starts_at))
    return steps


def is_much_too_early(row: CoachingSession, guild: Guild, now: datetime) -> bool:
    """Whether a room may exist long before it's needed."""
    return _room_may_exist(row) and now < _room_due_at(row, guild) - MUCH_TOO_EARLY


def _room_due_at(row: CoachingSession, guild: Guild) -> datetime:
    return row.starts_at - timedelta(minutes=guild.room_lead_minutes)


def _room_may_exist(row: CoachingSession) -> bool:
    """Whether there may be a room. One that was intended may exist even if its id never reached us."""
    return row.room_intended_at is not None and row.room_removed_at is None


def _room_again_at(row: CoachingSession) -> datetime | None:
    """Return when a deleted room may be made again; None if nobody deleted it.

    At once the first time, which may have been a mistake; then after 1, 2, 4, 8 and at most 10 minutes. Otherwise
    a bot that deletes every new channel, as anti-raid bots do, would get rooms forever.
    """
    if not row.rooms_lost or row.room_lost_at is None:
        return None
    if row.rooms_lost == 1:
        return row.room_lost_at
    return row.room_lost_at + min(_LEAST_PAUSE * 2 ** min(row.rooms_lost - 2, 10), _LONGEST_PAUSE)


def linger_ends_at(row: CoachingSession, guild: Guild) -> datetime:
    """Return when anyone still inside is warned that the room will close."""
    return row.cancelled_at or row.ends_at + timedelta(minutes=guild.linger_minutes)


def hard_limit(row: CoachingSession, guild: Guild) -> datetime:
    """Return when the room is removed, even with people inside."""
    return linger_ends_at(row, guild) + HARD_LIMIT
