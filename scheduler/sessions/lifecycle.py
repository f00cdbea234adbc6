"""What a session needs next, and when. Pure: everything follows from its row."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.session import CoachingSession, SessionStatus


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


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """How long before a session its room is made and opened, and how long people can linger in it."""

    room: timedelta
    access: timedelta
    linger: timedelta
    """From the end until people are asked to leave."""


@dataclass(frozen=True, slots=True)
class Life:
    """What decides the next step, from the session's row."""

    status: SessionStatus
    starts_at: datetime
    ends_at: datetime
    room_set_up: bool
    access_granted: bool
    room_may_exist: bool
    cancelled_at: datetime | None
    room_again_at: datetime | None = None
    """When a deleted room may be made again; None if nobody deleted it."""


_AHEAD = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)
_SHORTEST = timedelta(seconds=1)
"""The shortest session, because its end is after its start."""
MUCH_TOO_EARLY = timedelta(hours=1)
"""A room that exists this long before its time is removed and made again later: the session was rescheduled."""
HARD_LIMIT = timedelta(hours=1)
"""How long after the warning a room with people in it is removed."""
_LEAST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=10)
"""Before making a room again that was deleted more than once."""


def life_of(row: CoachingSession) -> Life:
    """Read a row. A room that was intended may exist even if its id never reached us."""
    return Life(
        status=row.status,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        room_set_up=row.discord_setup_complete,
        access_granted=row.access_granted_at is not None,
        room_may_exist=row.room_intended_at is not None and row.room_removed_at is None,
        cancelled_at=row.cancelled_at,
        room_again_at=_room_again_at(row.rooms_lost, row.room_lost_at),
    )


def has_started(row: CoachingSession, now: datetime) -> bool:
    """Whether it has started, as it has at the start itself. The tick may be late to record it."""
    return row.starts_at <= now


def is_over(row: CoachingSession, now: datetime) -> bool:
    """Whether it has ended, as it has at the end itself, or was cancelled. The tick may be late to record it."""
    return row.status not in _AHEAD or row.ends_at <= now


def is_running(row: CoachingSession, now: datetime) -> bool:
    """Whether it has started and isn't over."""
    return has_started(row, now) and not is_over(row, now)


def end_if_ended(row: CoachingSession, now: datetime) -> datetime:
    """Return when a running session ends if someone ends it now."""
    return max(now, row.starts_at + _SHORTEST)


def _room_again_at(times_lost: int, lost_at: datetime | None) -> datetime | None:
    """At once the first time, which may have been a mistake; then after 1, 2, 4, 8 and at most 10 minutes.

    Otherwise a bot that deletes every new channel, as anti-raid bots do, would get rooms forever.
    """
    if not times_lost or lost_at is None:
        return None
    if times_lost == 1:
        return lost_at
    return lost_at + min(_LEAST_PAUSE * 2 ** min(times_lost - 2, 10), _LONGEST_PAUSE)


def next_step(life: Life, leads: LeadTimes, now: datetime, *, except_for: Collection[Step] = ()) -> Due | None:
    """Return the earliest step that still helps, due or not; None if nothing is left to do.

    Skips steps in `except_for`, so that a session starts even if its room can't be made.
    """
    steps = [due for due in _steps(life, leads, now) if due.step not in except_for]
    return min(steps, key=lambda due: due.at, default=None)


def _steps(life: Life, leads: LeadTimes, now: datetime) -> list[Due]:
    if life.status not in _AHEAD:
        return [Due(Step.REMOVE_ROOM, life.cancelled_at or life.ends_at)] if life.room_may_exist else []
    steps = []  # on a tie, the room comes first
    if is_much_too_early(life, leads, now):
        steps.append(Due(Step.REMOVE_ROOM, now))
    elif now < life.ends_at and not life.room_set_up:
        due_at = life.starts_at - leads.room
        steps.append(Due(Step.MAKE_ROOM, max(due_at, life.room_again_at or due_at)))
    elif now < life.ends_at and not life.access_granted:
        steps.append(Due(Step.OPEN_ROOM, life.starts_at - leads.access))
    is_running = life.status is SessionStatus.IN_PROGRESS
    steps.append(Due(Step.FINISH, life.ends_at) if is_running else Due(Step.START, life.starts_at))
    return steps


def is_much_too_early(life: Life, leads: LeadTimes, now: datetime) -> bool:
    """Whether a room may exist long before it's needed."""
    return life.room_may_exist and now < life.starts_at - leads.room - MUCH_TOO_EARLY


def linger_ends_at(life: Life, leads: LeadTimes) -> datetime:
    """Return when anyone still inside is warned that the room will close."""
    return life.cancelled_at or life.ends_at + leads.linger


def hard_limit(life: Life, leads: LeadTimes) -> datetime:
    """Return when the room is removed, even with people inside."""
    return linger_ends_at(life, leads) + HARD_LIMIT
