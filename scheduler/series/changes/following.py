"""Another hour for a lesson and all that follow it. What was changed by hand stays as it is."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    Coach,
    CoachingSession,
    Guild,
    Lesson,
    NotificationKind,
    Reservation,
    Series,
    SeriesRule,
    SessionStatus,
    SkipReason,
)
from scheduler.availability.slots import SlotRefusal
from scheduler.booking import cancellation, releases, rescheduling, reservations
from scheduler.core.actor import Actor
from scheduler.core.errors import NotBookable, TooLate, Unreadable
from scheduler.series import lookup, obstacles
from scheduler.series.changes import asking, together
from scheduler.series.changes.new_hour import NewHour
from scheduler.series.making import book_lessons, make_lessons
from scheduler.series.rule import has_ended, planned, rule_for
from scheduler.sessions.freed_times import Freed, announce
from scheduler.time.intervals import subtract

_BY_BOT = (SkipReason.TAKEN, SkipReason.CLOSED, SkipReason.CLOCKS, SkipReason.MISSED)
_PERIOD = Reservation.starts_at, Reservation.ends_at
_FURTHEST = timedelta(days=31)
"""How far the first lesson can move. Anything else is an end and a new beginning."""


class Outlook(NamedTuple):
    """What becomes of one lesson if its hour changes."""

    lesson: Lesson
    session: CoachingSession | None
    """The session it has, if it hasn't begun."""
    day: date
    starts_at: datetime | None
    """By the new rule; None if the clocks skip it."""
    keeps: bool
    """Whether it stays as it is, because someone changed it by hand or it's cancelled."""
    skipped: SkipReason | None = None
    """Why it won't take place, unless it `keeps` what it has."""


class Change(NamedTuple):
    """Another hour for several lessons, as it would be or as it is."""

    series: Series
    outlook: Sequence[Outlook]
    """The lessons that are made, in order."""
    broken: Sequence[SlotRefusal]
    """Which of their own rules the coach breaks with the first one."""

    @property
    def moved(self) -> list[Outlook]:
        """Those that get the new hour."""
        return [one for one in self.outlook if not one.keeps and one.skipped is None]

    @property
    def skipped(self) -> list[Outlook]:
        """Those that won't take place, because they can't be at the new hour."""
        return [one for one in self.outlook if not one.keeps and one.skipped is not None]


async def preview(
    session: AsyncSession,
    series_id: int,
    occurrence: int,
    hour: NewHour,
    actor: Actor,
    guild_id: int | None,
    now: datetime,
) -> Change:
    """Return what would become of each lesson from one on. Changes nothing. Raises as `change` does."""
    series = await lookup.find_running(session, series_id, actor, guild_id)
    return await _plan(session, series, occurrence, hour, actor, guild_id, now)


async def change(
    session: AsyncSession,
    series_id: int,
    occurrence: int,
    hour: NewHour,
    actor: Actor,
    guild_id: int | None,
    reason: str,
    now: datetime,
    *,
    breaking: Collection[SlotRefusal] = (),
) -> Change:
    """Give a lesson and all that follow it another hour, and tell each person once.

    Lessons that were rescheduled, skipped or cancelled by themselves stay as they are. Those that can't be at the
    new hour are skipped. Lessons that had been skipped because they couldn't be get another chance. The series
    keeps its number of lessons. For the student, for the coach, who has to give a reason and can break their own
    rules as far as they were shown (`breaking`), and for admins of the server.

    Raises NotFound to everyone else, TooLate if the lessons have ended or the first one has begun or doesn't take
    place, SlotTaken with the nearest free times if the first one can't be then, NotBookable if more than half
    can't or rules are broken that weren't shown, Unreadable for a time that's too far away or not after the lesson
    before, and for a reason that's missing or too long.
    """
    series = await lookup.find_running(session, series_id, actor, guild_id, lock=True)
    reason = reason.strip()
    if actor.user_id == series.coach_id and not reason:
        raise Unreadable("Add a reason, so your student knows why.")
    cancellation.check_reason(reason)
    await together.lock_upcoming(session, series, now)
    found = await _plan(session, series, occurrence, hour, actor, guild_id, now)
    if not set(found.broken) <= set(breaking):
        raise NotBookable("Your rules have changed meanwhile. Choose the time again.")
    if len(found.skipped) * 2 > len(found.moved) + len(found.skipped):
        raise NotBookable("More than half of these lessons couldn't be then. Choose another time.")
    guild = await session.get_one(Guild, series.guild_id)
    coach = await session.get_one(Coach, (series.guild_id, series.coach_id))
    _write_rule(series, occurrence, hour, now)
    await _move(session, series, coach, guild, found, actor, reason, now)
    series.revision += 1
    await session.flush()
    await asking.tell_of_clocks(session, series, [one.lesson for one in found.moved], now)
    await make_lessons(session, series, now)
    first = found.outlook[0].session
    together.tell(
        session, series, NotificationKind.SERIES_MOVED, now, session_id=first.id if first is not None else None
    )
    together.record(session, series, "series_moved", actor, now, lessons=len(found.moved))
    return found


async def _plan(
    session: AsyncSession,
    series: Series,
    occurrence: int,
    hour: NewHour,
    actor: Actor,
    guild_id: int | None,
    now: datetime,
) -> Change:
    """Work out what becomes of each lesson, with the rules for the first one."""
    await lookup.find_lesson(session, series, occurrence)
    lessons = await together.lessons_from(session, series, occurrence)
    rows = await _upcoming(session, lessons, now)
    first = rows.get(occurrence)
    if first is None:
        raise TooLate("This lesson doesn't take place, or has begun. Choose an upcoming one in `/series`.")
    rules = _rules_with(series, occurrence, hour)
    starts_at = planned(rules, occurrence).starts_at
    if starts_at is None:
        raise NotBookable("The clocks skip that time on that day. Choose another time.")
    _check_differs(series, occurrence, rules)
    await _check_reach(session, series, first, starts_at, occurrence)
    guild = await session.get_one(Guild, series.guild_id)
    rescheduling.check_notice(first, guild, actor, now)
    coach = await rescheduling.find_coach(session, first, actor)
    broken: list[SlotRefusal] = []
    if starts_at != first.starts_at:
        broken = await rescheduling.find_broken_rules(session, first, coach, actor, starts_at, now)
    plans = [planned(rules, one.occurrence) for one in lessons]
    outlook = [
        Outlook(one, (row := rows.get(one.occurrence)), plan.day, plan.starts_at, _keeps(one, row, occurrence))
        for one, plan in zip(lessons, plans, strict=True)
    ]
    moving = [one.session.id for one in outlook if one.session is not None and not one.keeps]
    starts = [one.starts_at for one in outlook]
    known = await obstacles.load(session, series, coach, starts, now, without=moving)
    length = timedelta(minutes=series.duration_minutes)
    reasons = [None if one.keeps else known.reason(one.starts_at, length, now) for one in outlook]
    found = [one._replace(skipped=why) for one, why in zip(outlook, reasons, strict=True)]
    return Change(series, found, broken)


async def _upcoming(session: AsyncSession, lessons: Sequence[Lesson], now: datetime) -> dict[int, CoachingSession]:
    """Return the sessions of these lessons that haven't begun, by occurrence."""
    occurrences = {one.session_id: one.occurrence for one in lessons}
    ahead = CoachingSession.status == SessionStatus.SCHEDULED, CoachingSession.starts_at > now
    its = CoachingSession.id.in_([one for one in occurrences if one is not None])
    return {occurrences[row.id]: row for row in await session.scalars(select(CoachingSession).where(its, *ahead))}


def _keeps(lesson: Lesson, row: CoachingSession | None, first: int) -> bool:
    """Whether a lesson stays as it is. One that the bot skipped gets another chance."""
    if row is not None:
        return _is_by_hand(lesson, row, first)
    return lesson.skipped not in _BY_BOT


def _is_by_hand(lesson: Lesson, row: CoachingSession, first: int) -> bool:
    """Whether somebody rescheduled a lesson by itself. The first one is changed on purpose, whatever it was."""
    return lesson.occurrence != first and row.starts_at != lesson.starts_at


def _check_differs(series: Series, occurrence: int, rules: Sequence[SeriesRule]) -> None:
    """Raise NotBookable if the lessons are at that time already."""
    old, new = rule_for(series.rules, occurrence), rules[-1]
    same_rhythm = (old.time_zone, old.interval_weeks) == (new.time_zone, new.interval_weeks)
    if same_rhythm and planned(series.rules, occurrence) == planned(rules, occurrence):
        raise NotBookable("These lessons are at that time already. Choose another one.")


async def _check_reach(
    session: AsyncSession, series: Series, first: CoachingSession, starts_at: datetime, occurrence: int
) -> None:
    """Raise Unreadable if the first lesson would be too far away, or not after the one before."""
    if abs(starts_at - first.starts_at) > _FURTHEST:
        raise Unreadable(
            f"That's more than {_FURTHEST.days} days away. End these lessons and book new ones instead."
        )
    before = await session.get(Lesson, (series.id, occurrence - 1))
    if before is not None and before.starts_at is not None and starts_at <= before.starts_at:
        raise Unreadable("That's before the lesson before it. Choose a later time, or begin with that lesson.")


def _rules_with(series: Series, occurrence: int, hour: NewHour) -> list[SeriesRule]:
    earlier = [one for one in series.rules if one.first_occurrence < occurrence]
    return [*earlier, SeriesRule(first_occurrence=occurrence, **hour._asdict())]


def _write_rule(series: Series, occurrence: int, hour: NewHour, now: datetime) -> None:
    """Let a new rule take over, and keep the number of lessons if the series ends on a day."""
    columns = hour._asdict() | {"agreed_at": now}
    old, new = planned(series.rules, occurrence), SeriesRule(first_occurrence=occurrence, **columns)
    if series.until is not None and rule_for(series.rules, occurrence).interval_weeks == hour.interval_weeks:
        series.until += hour.first_day - old.day
    same = next((one for one in series.rules if one.first_occurrence == occurrence), None)
    for one in [one for one in series.rules if one.first_occurrence > occurrence]:
        series.rules.remove(one)
    if same is None:
        series.rules.append(new)
        return
    for name, value in columns.items():
        setattr(same, name, value)


async def _move(
    session: AsyncSession,
    series: Series,
    coach: Coach,
    guild: Guild,
    found: Change,
    actor: Actor,
    reason: str,
    now: datetime,
) -> None:
    """Do what the change says, with everything freed before anything is taken: lessons can change places."""
    for user_id in sorted((series.coach_id, series.student_id)):
        await releases.release_expired(session, user_id, now)
    chances: list[Lesson] = []
    staying: list[Outlook] = []
    for one in found.outlook:
        is_over = has_ended(series, planned(series.rules, one.lesson.occurrence))
        one.lesson.day, one.lesson.starts_at = one.day, one.starts_at
        if one.keeps:
            continue
        if one.session is None:
            chances += [] if is_over else [one.lesson]
        elif one.skipped is not None or is_over:
            one.lesson.skipped = one.skipped or SkipReason.BY_HAND
            await session.flush()
            await together.cancel_quietly(session, one.session, guild, actor, reason, now)
        elif one.session.starts_at != one.starts_at:
            staying.append(one)
    await _take_new_times(session, series, coach, guild, staying, actor, reason, now)
    await book_lessons(session, series, coach, guild, chances, now)


async def _take_new_times(
    session: AsyncSession,
    series: Series,
    coach: Coach,
    guild: Guild,
    staying: Sequence[Outlook],
    actor: Actor,
    reason: str,
    now: datetime,
) -> None:
    """Reschedule the sessions of lessons, and announce what became free of the coach's time."""
    ids = [one.session.id for one in staying if one.session is not None]
    theirs = Reservation.session_id.in_(ids)
    of_coach = theirs, Reservation.user_id == series.coach_id
    before = [(start, end) for start, end in await session.execute(select(*_PERIOD).where(*of_coach))]
    await session.execute(delete(Reservation).where(theirs))
    for one in staying:
        if one.session is None or one.starts_at is None:
            continue
        both = reservations.of_both(
            coach, series.student_id, one.starts_at, one.session.duration, session_id=one.session.id
        )
        await session.execute(insert(Reservation), both)
        await rescheduling.take_new_time(session, one.session, guild, actor, one.starts_at, reason, now)
    await session.flush()
    after = [(start, end) for start, end in await session.execute(select(*_PERIOD).where(*of_coach))]
    for free_from, free_until in subtract(before, after):
        await announce(session, Freed(series.coach_id, free_from, free_until, series.student_id), now)
