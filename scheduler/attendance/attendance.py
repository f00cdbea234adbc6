"""Who was in the room and when, when nobody was watching, and whose no-show that makes."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, case, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import AHEAD, Attendance, CoachingSession, Heartbeat, UTCDateTime
from scheduler.core.row_locks import lock_sessions
from scheduler.sessions import lifecycle
from scheduler.time.intervals import Interval, intersect, union

WATCH = "watch"
"""The heartbeat up to which the gateway told us who comes and goes."""
_OF_SERVER = f"{WATCH}:"
"""Followed by a server's id: the heartbeat of a server that we've recorded less far than the others."""
_MAY_HAVE_MET = timedelta(minutes=5)
"""Unwatched for this long, people may have met without us knowing."""

LEAST_GRACE = timedelta(minutes=1)
"""Everybody has that long to show up, whatever the server's setting."""

Unwatched = Callable[[], Mapping[int, datetime] | None]
"""Returns the servers whose events aren't all recorded yet, and since when (UTC); None if no server's are."""


class Stay(NamedTuple):
    """One person's time in the room, or a time when nobody was watching if there's no person; UTC."""

    user_id: int | None
    since: datetime
    until: datetime


class Presence(NamedTuple):
    """When someone first joined (UTC), and how long they were in the room in all."""

    first_joined_at: datetime | None
    inside: timedelta


def determine_absent(
    stays: Collection[Stay],
    coach_id: int,
    participant_ids: Collection[int],
    whole: Interval,
    late_at: Mapping[int, datetime],
) -> set[int]:
    """Return who counts as absent; nobody if we watched too little of it to tell.

    You came if you were inside at any moment from the start of the `whole` session until you're `late_at` (see
    `late_from`), or if you met before the end: a participant the coach, or the coach anybody.
    """
    coach, unwatched = _inside(stays, coach_id), _inside(stays, None)
    in_time = {user_id: [Interval(whole.start, at)] for user_id, at in late_at.items()}
    absent: set[int] = set()
    has_coach_met = False
    for user_id in participant_ids:
        theirs = _inside(stays, user_id)
        if _have_met(coach, theirs, whole):
            has_coach_met = True
        elif not intersect(theirs, in_time[user_id]):
            absent.add(user_id)
    if not has_coach_met and not intersect(coach, in_time[coach_id]):
        absent.add(coach_id)
    return set() if _length(intersect(unwatched, [whole])) >= _MAY_HAVE_MET else absent


def late_from(starts_at: datetime, ends_at: datetime, opened_at: datetime, grace: timedelta) -> datetime:
    """Return when (UTC) the grace period ends, which runs from the opening if the room opened late."""
    return min(max(starts_at, opened_at) + max(grace, LEAST_GRACE), ends_at)


def grace_ends_at(
    row: CoachingSession, grace: timedelta, ends_at: datetime | None = None, *, user_id: int | None = None
) -> datetime:
    """Return when (UTC) the grace period of one of a session's people ends, by default the coach's.

    Nobody's ends before the coach's. `ends_at` is the session's end by default. Its room may be gone again.
    """
    opened_at, late = row.access_granted_at or row.starts_at, lateness(row, user_id or row.coach_id)
    return late_from(row.starts_at, ends_at or row.ends_at, opened_at, max(grace, LEAST_GRACE) + late)


def lateness(row: CoachingSession, user_id: int) -> timedelta:
    """Return by how much this person's grace period grows because someone is running late.

    A coach who's late gives everybody that time. So does the student of a session for one; a participant of a
    workshop only themselves. If several are late, the longest counts, since they all start at the same time.
    """
    late = [row.coach_late_minutes, row.late_minutes_of(user_id if row.is_workshop else row.student_id)]
    return timedelta(minutes=max(minutes or 0 for minutes in late))


def presence(stays: Collection[Stay], user_id: int) -> Presence:
    """Say when someone first joined and how long they were inside. Someone who left at once did join."""
    joined = [one.since for one in stays if one.user_id == user_id and one.since <= one.until]
    return Presence(min(joined, default=None), _length(_inside(stays, user_id)))


def _have_met(coach: list[Interval], student: list[Interval], during: Interval) -> bool:
    return bool(intersect(intersect(coach, student), [during]))


def _inside(stays: Iterable[Stay], user_id: int | None) -> list[Interval]:
    return union(Interval(one.since, one.until) for one in stays if one.user_id == user_id)


def _length(intervals: Iterable[Interval]) -> timedelta:
    return sum((one.end - one.start for one in intervals), timedelta())


async def record_join(session: AsyncSession, channel_id: int, user_id: int, now: datetime) -> None:
    """Record that someone joined a voice channel, if it's a session's room and they're in that session."""
    row = await session_in(session, channel_id)
    if row is not None and user_id in row.people:
        await _enter(session, row, user_id, now)


async def record_leave(session: AsyncSession, channel_id: int, user_id: int, now: datetime) -> bool:
    """Record that someone left a voice channel; returns whether that makes the removal of a room due at once."""
    row = await session_in(session, channel_id)
    if row is None:
        return False
    await session.execute(
        update(Attendance)
        .where(Attendance.session_id == row.id, Attendance.user_id == user_id, Attendance.left_at.is_(None))
        .values(left_at=now)
    )
    if row.status not in AHEAD and row.next_step_at is not None:
        row.next_step_at = now  # a change, so that a step in progress sees it
        return True
    return False


async def session_in(session: AsyncSession, channel_id: int) -> CoachingSession | None:
    """Return the session whose room this channel is, locked."""
    return await session.scalar(
        select(CoachingSession)
        .where(CoachingSession.discord_channel_id == channel_id, CoachingSession.room_removed_at.is_(None))
        .with_for_update()
    )


async def is_any_room(session: AsyncSession, channel_ids: Collection[int]) -> bool:
    """Whether one of these channels is a session's room, which makes it worth taking the write lock."""
    ours = select(CoachingSession.id).where(
        CoachingSession.discord_channel_id.in_(channel_ids), CoachingSession.room_removed_at.is_(None)
    )
    return await session.scalar(ours.limit(1)) is not None


async def is_any_room_open(session: AsyncSession, guild_id: int) -> bool:
    """Whether this server has a room that people can enter."""
    return await session.scalar(select(CoachingSession.id).where(*_open_rooms([guild_id])).limit(1)) is not None


async def resync(
    session: AsyncSession,
    guild_ids: Collection[int],
    inside: Mapping[int, Collection[int]],
    unwatched_since: datetime | None,
    now: datetime,
) -> None:
    """Bring stays in line with who's inside now (channel id → user ids), and record the time nobody watched.

    People who are gone count as having left when we last knew.
    """
    for row in await lock_sessions(session, *_open_rooms(guild_ids)):
        there = set(inside.get(row.discord_channel_id or 0, ()))
        since = max(unwatched_since or row.access_granted_at or now, row.access_granted_at or now)
        for stay in await _open_stays(session, row.id):
            if stay.user_id not in there:
                stay.left_at = max(stay.joined_at, min(since, now))
        for user_id in sorted(there.intersection(row.people)):
            await _enter(session, row, user_id, now)
        if row.status not in AHEAD and not there:
            row.next_step_at = now  # we didn't hear them leave, but the room can go
        if since < now and row.status in AHEAD:
            session.add(Attendance(session_id=row.id, user_id=None, joined_at=since, left_at=now))


async def stays_of(session: AsyncSession, session_id: int, until: datetime) -> list[Stay]:
    """Return every known stay in a session until then, and the time since we stopped watching."""
    row = await session.get_one(CoachingSession, session_id)
    rows = select(Attendance).where(Attendance.session_id == session_id)
    if row.rescheduled_at is not None:  # having met before that doesn't count for the new time
        rows = rows.where(or_(Attendance.left_at.is_(None), Attendance.left_at > row.rescheduled_at))
    found = await session.scalars(rows.order_by(Attendance.joined_at, Attendance.id))
    stays = [Stay(one.user_id, one.joined_at, min(one.left_at or until, until)) for one in found]
    if row.access_granted_at is None:  # there's no room to be seen in
        return [*stays, Stay(None, row.room_lost_at or until, until)]
    watched = await watched_until(session, row.guild_id)
    return [*stays, Stay(None, max(watched or row.access_granted_at, row.access_granted_at), until)]


async def anyone_came(session: AsyncSession, row: CoachingSession) -> bool:
    """Whether anybody was seen in the room during the session."""
    came = select(Attendance.id).where(
        Attendance.session_id == row.id,
        Attendance.user_id.is_not(None),
        Attendance.joined_at < row.ends_at,
        or_(Attendance.left_at.is_(None), Attendance.left_at > row.starts_at),
    )
    return await session.scalar(came.limit(1)) is not None


async def is_decided(session: AsyncSession, row: CoachingSession, grace: timedelta, now: datetime) -> bool:
    """Whether it's too late to cancel a running session: once both have met or the grace period is over.

    Then any no-show is certain. Without an open room it's never too late, because nobody can be absent.
    """
    if not lifecycle.has_started(row, now):
        return False
    if row.access_granted_at is None and not await anyone_came(session, row):
        return False
    if now >= grace_ends_at(row, grace):
        return True
    until = lifecycle.end_if_ended(row, now)
    stays = await stays_of(session, row.id, until)
    coach, whole = _inside(stays, row.coach_id), Interval(row.starts_at, until)
    return any(_have_met(coach, _inside(stays, user_id), whole) for user_id in row.people[1:])


async def end_stays(session: AsyncSession, session_id: int, now: datetime) -> None:
    """Record that nobody is inside any more, because the room is gone."""
    await session.execute(
        update(Attendance)
        .where(Attendance.session_id == session_id, Attendance.left_at.is_(None))
        .values(left_at=now)
    )


async def carry_over(session: AsyncSession, session_id: int, next_id: int, now: datetime) -> None:
    """Count the people inside as attending the next session from now on. It uses the same room."""
    for stay in await _open_stays(session, session_id):
        stay.left_at = now
        session.add(Attendance(session_id=next_id, user_id=stay.user_id, joined_at=now))


async def people_inside(session: AsyncSession, session_id: int) -> set[int]:
    """Return which of its people are in the room, as far as we know."""
    return {one.user_id for one in await _open_stays(session, session_id) if one.user_id is not None}


async def attended(session: AsyncSession, row: CoachingSession, now: datetime) -> dict[int, Presence]:
    """Say how coach and participants have attended up to now, or up to the session's end."""
    stays = await stays_of(session, row.id, min(now, row.ends_at))
    return {user_id: presence(stays, user_id) for user_id in row.people}


async def watched_until(session: AsyncSession, guild_id: int) -> datetime | None:
    """Return until when we've recorded who comes and goes in a server; None if we never have."""
    jobs = Heartbeat.job.in_((WATCH, f"{_OF_SERVER}{guild_id}"))
    return await session.scalar(select(func.min(Heartbeat.at, type_=UTCDateTime())).where(jobs))


async def beat(session: AsyncSession, job: str, unwatched: Mapping[int, datetime] | None, now: datetime) -> None:
    """Record that a job has run, and until when each server was watched."""
    beats, late = {job: now}, {}
    ours = Heartbeat.job == job
    if unwatched is not None:
        beats[WATCH] = now
        late = {f"{_OF_SERVER}{guild_id}": since for guild_id, since in unwatched.items()}
        ours = or_(ours, Heartbeat.job == WATCH, Heartbeat.job.startswith(_OF_SERVER))
    # Nearly always, every server is watched, and this is the only statement.
    at = case((Heartbeat.job.in_(beats), literal(now, UTCDateTime())), else_=Heartbeat.at)
    beat = update(Heartbeat).where(ours).values(at=at).returning(Heartbeat.job, Heartbeat.at)
    known = {row.job: row.at for row in await session.execute(beat)}
    wanted = beats | late
    if watched_again := known.keys() - wanted.keys():
        await session.execute(delete(Heartbeat).where(Heartbeat.job.in_(watched_again)))
    for name, at in wanted.items():
        if name not in known:
            session.add(Heartbeat(job=name, at=at))
        elif known[name] != at:
            await session.execute(update(Heartbeat).where(Heartbeat.job == name).values(at=at))


async def _enter(session: AsyncSession, row: CoachingSession, user_id: int, now: datetime) -> None:
    if not any(one.user_id == user_id for one in await _open_stays(session, row.id)):
        session.add(Attendance(session_id=row.id, user_id=user_id, joined_at=now))


async def _open_stays(session: AsyncSession, session_id: int) -> list[Attendance]:
    open_ones = Attendance.session_id == session_id, Attendance.left_at.is_(None)
    return list(await session.scalars(select(Attendance).where(*open_ones).order_by(Attendance.id)))


def _open_rooms(guild_ids: Collection[int]) -> tuple[ColumnElement[bool], ...]:
    return (
        CoachingSession.next_step_at.is_not(None),
        CoachingSession.guild_id.in_(guild_ids),
        CoachingSession.access_granted_at.is_not(None),
        CoachingSession.room_removed_at.is_(None),
    )
