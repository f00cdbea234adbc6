"""What the bot asks and tells about weekly lessons by itself: after no-shows, clock changes and a coach's move."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Coach,
    CoachingSession,
    Guild,
    Lesson,
    NotificationKind,
    Participant,
    ParticipantStatus,
    Series,
    SeriesRule,
    SeriesStatus,
    SessionStatus,
)
from scheduler.availability import reader_zone
from scheduler.core.actor import Actor
from scheduler.core.errors import NotFound
from scheduler.notifications import outbox
from scheduler.series import lookup
from scheduler.series.changes import together
from scheduler.series.rule import rule_for
from scheduler.time.time_zones import zone

TOLD_BEFORE = timedelta(days=7)
"""How long before the first lesson at another time on their clock a student is told."""
_LAST = 10**6
"""Beyond every occurrence."""


class Elsewhere(NamedTuple):
    """Weekly lessons on the clock of another zone than their coach's."""

    series: Series
    rule: SeriesRule
    """The newest one."""
    zone_name: str
    """The coach's."""


async def ask_after_no_shows(session: AsyncSession, participant: Participant, now: datetime) -> None:
    """Ask the coach whether lessons go on once the student missed two in a row."""
    row = participant.session
    if row.is_workshop or participant.status is not ParticipantStatus.NO_SHOW:
        return
    found = (
        await session.execute(
            select(Lesson.occurrence, Series)
            .join(Series, Series.id == Lesson.series_id)
            .where(Lesson.session_id == row.id, Series.status == SeriesStatus.ACTIVE, Series.ends_at.is_(None))
        )
    ).one_or_none()
    if found is None or await outbox.was_enqueued(session, row.id, NotificationKind.SERIES_MISSED):
        return
    occurrence, series = found
    before = (
        select(Participant.status)
        .join(Lesson, Lesson.session_id == Participant.session_id)
        .join(CoachingSession, CoachingSession.id == Participant.session_id)
        .where(
            Lesson.series_id == series.id,
            Lesson.occurrence < occurrence,
            CoachingSession.status.in_((SessionStatus.COMPLETED, SessionStatus.NO_SHOW)),
        )
        .order_by(Lesson.occurrence.desc())
        .limit(1)
    )
    if await session.scalar(before) is ParticipantStatus.NO_SHOW:
        _tell(session, series, NotificationKind.SERIES_MISSED, series.coach_id, now, session_id=row.id)


async def go_on(session: AsyncSession, series_id: int, actor: Actor, now: datetime) -> None:
    """Record that a coach lets lessons go on. Raises NotFound to everyone else, TooLate if they have ended."""
    series = await lookup.find_running(session, series_id, actor, None)
    if actor.user_id != series.coach_id:
        raise NotFound("You don't coach these lessons. `/series` lists yours.")
    together.record(session, series, "series_kept", actor, now)


async def tell_of_clocks(session: AsyncSession, series: Series, lessons: Sequence[Lesson], now: datetime) -> None:
    """Plan to tell the student a week before lessons that are at another time on their clock than the ones before.

    That's so if their clocks change on another date than those that the lessons follow. `lessons` have just been
    made or rescheduled, in order.
    """
    guild = await session.get_one(Guild, series.guild_id)
    zone_name = await reader_zone.zone_name_of(session, series.student_id, guild.time_zone)
    if all(rule.time_zone == zone_name for rule in series.rules):
        return
    kind = NotificationKind.SERIES_CLOCKS
    for lesson in lessons:
        if lesson.session_id is None or await usual_clock(session, series, lesson, zone_name) is None:
            continue
        if lesson.starts_at is not None and not await outbox.was_enqueued(session, lesson.session_id, kind):
            due_at, session_id = max(now, lesson.starts_at - TOLD_BEFORE), lesson.session_id
            _tell(session, series, kind, series.student_id, now, session_id=session_id, due_at=due_at)


async def usual_clock(session: AsyncSession, series: Series, lesson: Lesson, zone_name: str) -> datetime | None:
    """Return the lesson before this one if that's at another time on the clock of a zone, by the same rule.

    None if it's at the same time there, or there's none before it.
    """
    rule = rule_for(series.rules, lesson.occurrence)
    before = await session.scalar(
        select(Lesson.starts_at)
        .where(
            Lesson.series_id == series.id,
            Lesson.occurrence.between(rule.first_occurrence, lesson.occurrence - 1),
            Lesson.session_id.is_not(None),
            Lesson.starts_at.is_not(None),
        )
        .order_by(Lesson.occurrence.desc())
        .limit(1)
    )
    if before is None or lesson.starts_at is None:
        return None
    clock = zone(zone_name)
    differs = before.astimezone(clock).time() != lesson.starts_at.astimezone(clock).time()
    return before if differs else None


async def ask_after_move(session: AsyncSession, coach: Coach, now: datetime) -> None:
    """Ask a coach who has just changed their zone whether their weekly lessons here follow."""
    found = [one for one in await in_other_zones(session, coach.user_id) if one.series.guild_id == coach.guild_id]
    if found:
        _tell(session, found[0].series, NotificationKind.SERIES_ZONE, coach.user_id, now)


async def in_other_zones(session: AsyncSession, coach_id: int) -> list[Elsewhere]:
    """Return the running series of a coach, in all servers, that follow another clock than theirs."""
    is_coach = and_(Coach.guild_id == Series.guild_id, Coach.user_id == Series.coach_id)
    running = Series.coach_id == coach_id, Series.status == SeriesStatus.ACTIVE, Series.ends_at.is_(None)
    query = select(Series, Coach.time_zone).join(Coach, is_coach).where(*running).order_by(Series.id)
    found = [Elsewhere(one, rule_for(one.rules, _LAST), name) for one, name in await session.execute(query)]
    return [one for one in found if one.rule.time_zone != one.zone_name]


def _tell(
    session: AsyncSession,
    series: Series,
    kind: NotificationKind,
    user_id: int,
    now: datetime,
    *,
    session_id: int | None = None,
    due_at: datetime | None = None,
) -> None:
    outbox.enqueue(
        session,
        kind,
        series.guild_id,
        now=now,
        user_id=user_id,
        about_user_id=series.student_id if user_id == series.coach_id else series.coach_id,
        coach_id=series.coach_id,
        series_id=series.id,
        session_id=session_id,
        due_at=due_at,
    )
