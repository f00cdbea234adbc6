"""Making the lessons of a series: sessions beyond the longest horizon, so that nobody books the hour first."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Coach,
    CoachingSession,
    CoachStatus,
    Guild,
    Lesson,
    Reservation,
    Series,
    SeriesStatus,
    SessionStatus,
)
from scheduler.booking import booking, releases, reservations
from scheduler.notifications import outbox, reminders
from scheduler.series import obstacles, pay_steps
from scheduler.series.rule import Planned, are_usable, instant_of, occurrences
from scheduler.sessions import planning

MARGIN = timedelta(days=4)
"""How far beyond the longest horizon lessons are made: a bot that's off for a day or two misses nothing."""
MOST_AT_ONCE = 60
"""Occurrences in one transaction; more than a year of weekly lessons."""
_LOOK_AGAIN = timedelta(days=1)


Follow = Callable[[AsyncSession, Series, Sequence[Lesson], datetime], Awaitable[None]]
_following: list[Follow] = []


class Made(NamedTuple):
    """The lessons that were made, in order."""

    lessons: list[Lesson]
    """All of them, those that are skipped included."""

    @property
    def skipped(self) -> list[Lesson]:
        """Those that don't take place."""
        return [one for one in self.lessons if one.skipped is not None]


def on_made(*following: Follow) -> None:
    """Register what else follows, in the same transaction, when lessons were made."""
    _following.extend(following)


async def make_lessons(session: AsyncSession, series: Series, now: datetime) -> Made:
    """Make the lessons of a running series that aren't made yet, in order, and plan when to make more.

    They're made up to `MARGIN` beyond the longest horizon of the coach in any server; at most `MOST_AT_ONCE` of
    them, and the loop makes the others. One that can't take place is skipped, never rescheduled. The series must
    be locked (see `lock_series`), and what held its hours released.

    Safe to call twice. Call it after each change of the rules or the end, which can move what's made next.
    """
    made = Made([])
    if series.status is not SeriesStatus.ACTIVE:
        return made
    guild = await session.get_one(Guild, series.guild_id)
    coach = await session.get_one(Coach, (series.guild_id, series.coach_id))
    ahead = await made_ahead(session, series.coach_id)
    goal = now + ahead
    first = await next_occurrence(session, series.id)
    if _can_teach(coach, guild) and are_usable(series.rules):
        soon = takewhile(lambda one: instant_of(series.rules, one) <= goal, occurrences(series, first))
        made = await _make(session, series, coach, guild, list(islice(soon, MOST_AT_ONCE)), now)
        await _plan(session, series, first + len(made.lessons), ahead, now)
    else:
        series.next_step_at = now + _LOOK_AGAIN
    await session.flush()
    for follow in _following if made.lessons else ():
        await follow(session, series, made.lessons, now)
    return made


async def next_occurrence(session: AsyncSession, series_id: int) -> int:
    """Return the first occurrence that has no row yet."""
    last = await session.scalar(select(func.max(Lesson.occurrence)).where(Lesson.series_id == series_id))
    return 0 if last is None else last + 1


async def made_ahead(session: AsyncSession, coach_id: int) -> timedelta:
    """Return how far ahead lessons are made."""
    longest = await session.scalar(select(func.max(Coach.horizon_days)).where(Coach.user_id == coach_id))
    return timedelta(days=longest or 0) + MARGIN


def _can_teach(coach: Coach, guild: Guild) -> bool:
    return coach.status is CoachStatus.APPROVED and coach.left_at is None and guild.bot_removed_at is None


async def _make(
    session: AsyncSession,
    series: Series,
    coach: Coach,
    guild: Guild,
    upcoming: Sequence[Planned],
    now: datetime,
) -> Made:
    """Make these occurrences, which follow one another."""
    lessons = [
        Lesson(series_id=series.id, occurrence=one.occurrence, day=one.day, starts_at=one.starts_at)
        for one in upcoming
    ]
    await book_lessons(session, series, coach, guild, lessons, now)
    return Made(lessons)


async def book_lessons(
    session: AsyncSession, series: Series, coach: Coach, guild: Guild, lessons: Sequence[Lesson], now: datetime
) -> None:
    """Give each of these lessons, in order, a session at its planned start, or note why it's skipped.

    Notifies nobody, except with reminders. Both people must be locked.
    """
    for user_id in sorted((series.coach_id, series.student_id)):  # the database would refuse over expired holds
        await releases.release_expired(session, user_id, now)
    found = await obstacles.load(session, series, coach, [one.starts_at for one in lessons], now)
    length = timedelta(minutes=series.duration_minutes)
    reasons = [found.reason(one.starts_at, length, now) for one in lessons]
    sessions = dict[int, CoachingSession]()
    for lesson, why in zip(lessons, reasons, strict=True):
        if why is None and lesson.starts_at is not None:
            row = booking.new_session(coach, series.student_id, lesson.starts_at, length, series.notes, now)
            row.student.total_cost_minor, row.currency = series.total_cost_minor, series.currency
            planning.plan_next_step(row, guild, now)
            sessions[lesson.occurrence] = row
    session.add_all(sessions.values())
    await session.flush()
    for lesson, why in zip(lessons, reasons, strict=True):  # at once: a lesson has a session, or a reason for none
        lesson.skipped = why
        if (row := sessions.get(lesson.occurrence)) is not None:
            lesson.session_id, lesson.pay_step_at = row.id, pay_steps.first_step(series, row.starts_at)
    session.add_all(lessons)
    await session.flush()
    await _reserve(session, coach, guild, list(sessions.values()), now)


async def _reserve(
    session: AsyncSession, coach: Coach, guild: Guild, made: Sequence[CoachingSession], now: datetime
) -> None:
    """Take the time from both people, and plan their reminders."""
    rows = [
        taken
        for row in made
        for taken in reservations.of_both(coach, row.student_id, row.starts_at, row.duration, session_id=row.id)
    ]
    if rows:  # nobody else takes their time meanwhile, because both are locked
        await session.execute(insert(Reservation), rows)
    planned = [one for row in made for one in reminders.planned_reminders(row, guild, now)]
    await outbox.enqueue_all(session, planned, now)


async def _plan(session: AsyncSession, series: Series, following: int, ahead: timedelta, now: datetime) -> None:
    """Set up to when lessons are made, and when to make more.

    If there are no more, it ends after the last one. One that's skipped counts: it can still be brought back.
    """
    upcoming = next(occurrences(series, following), None)
    if upcoming is not None:
        made_until = instant_of(series.rules, upcoming)
        series.made_until, series.next_step_at = made_until, max(now, made_until - ahead)
        return
    its, is_on = Lesson.series_id == series.id, CoachingSession.status != SessionStatus.CANCELLED
    sessions = select(func.max(CoachingSession.ends_at)).join(Lesson, Lesson.session_id == CoachingSession.id)
    until = [Lesson.starts_at < series.ends_at] if series.ends_at is not None else []
    planned = select(func.max(Lesson.starts_at)).where(its, *until)
    last_start = await session.scalar(planned)
    planned_end = last_start + timedelta(minutes=series.duration_minutes) if last_start is not None else now
    last_end = max(planned_end, await session.scalar(sessions.where(its, is_on)) or now)
    series.made_until = series.next_step_at = last_end
    if last_end <= now:
        series.status, series.next_step_at = SeriesStatus.ENDED, None
