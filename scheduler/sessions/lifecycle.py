"""What a session needs next and when; pure, from what its row says."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.session import CoachingSession, SessionStatus


class Step(StrEnum):
    """One thing that the loop does for a session."""

    MAKE_ROOM = "make_room"
    OPEN_ROOM = "open_room"
    START = "start"
    FINISH = "finish"
    REMOVE_ROOM = "remove_room"


AT_DISCORD = frozenset({Step.MAKE_ROOM, Step.OPEN_ROOM, Step.REMOVE_ROOM})
"""The steps that need Discord."""


class Due(NamedTuple):
    """A step and the instant (UTC) from which it is to be done."""

    step: Step
    at: datetime


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """When a server wants rooms made, opened and removed."""

    room: timedelta
    access: timedelta
    linger: timedelta
    """How long people may stay in it after the end before they are told to leave."""


@dataclass(frozen=True, slots=True)
class Life:
    """As much of a session's row as decides what comes next."""

    status: SessionStatus
    starts_at: datetime
    ends_at: datetime
    room_set_up: bool
    access_granted: bool
    room_may_exist: bool
    cancelled_at: datetime | None
    room_again_at: datetime | None = None
    """When a room that somebody deleted may be made again; None if none was deleted."""


MUCH_TOO_EARLY = timedelta(hours=1)
"""A room that exists this long before its time goes and is made anew: the session was moved to a later date."""
HARD_LIMIT = timedelta(hours=1)
"""A room with people in it is removed this long after they were told that it is going to close."""
_LEAST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=10)
"""Before making a room again that was deleted more than once."""


def life_of(row: CoachingSession) -> Life:
    """The facts of a row. A room that was intended may exist, also when its id never reached us."""
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


def _room_again_at(times_lost: int, lost_at: datetime | None) -> datetime | None:
    """At once the first time, which may have been a mistake; then after 1 minute, 2, 4, 8, and at most 10.

    Otherwise a bot that deletes every new channel, as anti-raid bots do, would get rooms without end.
    """
    if not times_lost or lost_at is None:
        return None
    return (
        lost_at if times_lost == 1 else lost_at + min(_LEAST_PAUSE * 2 ** min(times_lost - 2, 10), _LONGEST_PAUSE)
    )


def next_step(life: Life, leads: LeadTimes, now: datetime, *, except_for: Collection[Step] = ()) -> Due | None:
    """The earliest step that still helps, due or not; None when the session's life is over.

    Steps in `except_for` are passed over, so that a room that cannot be made does not keep the session from
    starting.
    """
    steps = [due for due in _steps(life, leads, now) if due.step not in except_for]
    return min(steps, key=lambda due: due.at, default=None)


def _steps(life: Life, leads: LeadTimes, now: datetime) -> list[Due]:
    match life.status:
        case SessionStatus.SCHEDULED | SessionStatus.IN_PROGRESS:
            steps = []
            if is_much_too_early(life, leads, now):
                steps.append(Due(Step.REMOVE_ROOM, now))
            elif now < life.ends_at and not life.room_set_up:
                due_at = life.starts_at - leads.room
                steps.append(Due(Step.MAKE_ROOM, max(due_at, life.room_again_at or due_at)))
            elif now < life.ends_at and not life.access_granted:
                steps.append(Due(Step.OPEN_ROOM, life.starts_at - leads.access))
            if life.status is SessionStatus.SCHEDULED:
                steps.append(Due(Step.START, life.starts_at))
            else:
                steps.append(Due(Step.FINISH, life.ends_at))
            return steps
        case _:
            return [Due(Step.REMOVE_ROOM, room_ends_at(life))] if life.room_may_exist else []


def is_much_too_early(life: Life, leads: LeadTimes, now: datetime) -> bool:
    """Whether a room may exist that isn't needed for a long time, and should go."""
    return life.room_may_exist and now < life.starts_at - leads.room - MUCH_TOO_EARLY


def room_ends_at(life: Life) -> datetime:
    """From when the room goes as soon as it is empty: the end, or the cancellation."""
    return life.cancelled_at or life.ends_at


def linger_ends_at(life: Life, leads: LeadTimes) -> datetime:
    """From when those who are still inside are told that the room is going to close."""
    return life.cancelled_at or life.ends_at + leads.linger


def hard_limit(life: Life, leads: LeadTimes) -> datetime:
    """From when the room goes whoever is inside."""
    return linger_ends_at(life, leads) + HARD_LIMIT
