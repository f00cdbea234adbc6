"""Someone's weekly lessons, and the upcoming lessons of one series with what they can do about each."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, Guild, Lesson, Series, SeriesRule, SeriesStatus, SessionStatus
from scheduler.availability import reader_zone
from scheduler.core.actor import Actor
from scheduler.series import lookup
from scheduler.series.changes import one_lesson
from scheduler.series.rule import instant_of, occurrences, planned, rule_for

_MOST_COUNTED = 400
_LAST = 10**6
"""Beyond every occurrence."""


class Listed(NamedTuple):
    """Weekly lessons of somebody, who is their coach or their student."""

    series: Series
    coach_name: str
    rule: SeriesRule
    """The one that the next lesson follows."""
    next_at: datetime | None
    """The next lesson that takes place; None if none is made, or no more is to come."""


class ShownLesson(NamedTuple):
    """An upcoming lesson."""

    lesson: Lesson
    session: CoachingSession | None
    can_bring_back: bool = False
    """Whether this person can bring it back, if its time is free."""

    @property
    def takes_place(self) -> bool:
        """Whether it's booked."""
        return self.session is not None and self.session.status is SessionStatus.SCHEDULED

    @property
    def starts_at(self) -> datetime | None:
        """When it is or would be; None if the clocks skip it."""
        return self.session.starts_at if self.session is not None and self.takes_place else self.lesson.starts_at

    @property
    def is_rescheduled(self) -> bool:
        """Whether somebody rescheduled it by itself."""
        return self.takes_place and self.starts_at != self.lesson.starts_at


class Shown(NamedTuple):
    """One series, as its coach, its student or an admin sees it."""

    series: Series
    guild: Guild
    coach: Coach
    zone_name: str
    """The reader's."""
    lessons: Sequence[ShownLesson]
    """The upcoming ones that are made, in order."""

    def find(self, occurrence: int) -> ShownLesson | None:
        """Return an upcoming lesson."""
        return next((one for one in self.lessons if one.lesson.occurrence == occurrence), None)

    @property
    def rule(self) -> SeriesRule:
        """The rule that the next lesson follows."""
        return rule_for(self.series.rules, self.lessons[0].lesson.occurrence if self.lessons else _LAST)


async def list_running(
    session: AsyncSession, guild_ids: Collection[int], user_id: int, now: datetime
) -> list[Listed]:
    """Return the weekly lessons that go on in these servers where this person is coach or student."""
    mine = or_(Series.coach_id == user_id, Series.student_id == user_id)
    is_coach = and_(Coach.guild_id == Series.guild_id, Coach.user_id == Series.coach_id)
    found = await session.execute(
        select(Series, Coach.display_name)
        .join(Coach, is_coach)
        .where(Series.guild_id.in_(guild_ids), Series.status == SeriesStatus.ACTIVE, mine)
        .order_by(Series.id)
    )
    listed: list[Listed] = []
    for series, name in found.all():
        upcoming = await _next(session, series, now)
        rule = rule_for(series.rules, upcoming[0] if upcoming is not None else _LAST)
        listed.append(Listed(series, name, rule, upcoming[1] if upcoming is not None else None))
    return listed


async def count_running(session: AsyncSession, guild_ids: Collection[int], user_id: int) -> int:
    """Count what `list_running` would return."""
    mine = or_(Series.coach_id == user_id, Series.student_id == user_id)
    running = Series.guild_id.in_(guild_ids), Series.status == SeriesStatus.ACTIVE, mine
    return await session.scalar(select(func.count()).select_from(Series).where(*running)) or 0


async def _next(session: AsyncSession, series: Series, now: datetime) -> tuple[int, datetime] | None:
    """Return number and start of the next lesson that takes place."""
    ahead = CoachingSession.status == SessionStatus.SCHEDULED, CoachingSession.starts_at > now
    found = await session.execute(
        select(Lesson.occurrence, CoachingSession.starts_at)
        .join(CoachingSession, CoachingSession.id == Lesson.session_id)
        .where(Lesson.series_id == series.id, *ahead)
        .order_by(CoachingSession.starts_at)
        .limit(1)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def show(session: AsyncSession, series_id: int, actor: Actor, guild_id: int | None, now: datetime) -> Shown:
    """Return a series with its upcoming lessons. Raises as `lookup.find_visible` does."""
    series = await lookup.find_visible(session, series_id, actor, guild_id)
    guild = await session.get_one(Guild, series.guild_id)
    coach = await session.get_one(Coach, (series.guild_id, series.coach_id))
    zone_name = await reader_zone.zone_name_of(session, actor.user_id, guild.time_zone)
    lessons: list[ShownLesson] = []
    for lesson, row in await lookup.lessons_of(session, series.id):
        can = one_lesson.can_bring_back(series, lesson, row, actor, guild_id, now)
        shown = ShownLesson(lesson, row, can and series.status is SeriesStatus.ACTIVE)
        at = shown.starts_at or instant_of(series.rules, planned(series.rules, lesson.occurrence))
        is_past_end = series.ends_at is not None and at >= series.ends_at and not shown.takes_place
        if at > now and not is_past_end:
            lessons.append(shown)
    return Shown(series, guild, coach, zone_name, lessons)


def count_after(shown: Shown, occurrence: int) -> int | None:
    """Return how many lessons after this one take place, made or not; None if there's no end."""
    series = shown.series
    if series.until is None and series.lesson_count is None and series.ends_at is None:
        return None
    made = sum(one.takes_place for one in shown.lessons if one.lesson.occurrence > occurrence)
    last = max((one.lesson.occurrence for one in shown.lessons), default=occurrence)
    return made + sum(1 for _ in islice(occurrences(series, last + 1), _MOST_COUNTED))
