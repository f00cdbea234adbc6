"""A coach's hours and free times, gathered from the rows and worked out by `scheduler.slots`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import LONGEST_RESERVATION, AvailabilityRule, Coach, Reservation
from scheduler import applications, audit
from scheduler.intervals import Interval, union
from scheduler.people import Actor
from scheduler.slots import BookingRules, WeeklyHours, free_slots
from scheduler.zones import zone

Week = dict[int, list[Interval]]
"""Weekday (Monday 0) → its windows, as sorted minutes of the day; days without hours are missing."""


async def week_of(session: AsyncSession, coach: Coach) -> Week:
    """The coach's weekly hours."""
    week: Week = {}
    for rule in await _rules(session, coach):
        week.setdefault(rule.weekday, []).append(Interval(rule.start_minute, rule.end_minute))
    return {day: union(windows) for day, windows in sorted(week.items())}


async def set_hours(
    session: AsyncSession,
    guild_id: int,
    actor: Actor,
    days: Iterable[int],
    windows: Sequence[tuple[int, int]],
    now: datetime,
) -> Week:
    """Replace the hours of these weekdays with `windows` (minutes of the day) and give back the whole week.

    Sessions that are booked already stay as they are. Raises NotFound to those who do not coach here.
    """
    coach = await applications.approved_coach(session, guild_id, actor.user_id, own=True, lock=True)
    chosen = sorted(set(days))
    await session.execute(
        delete(AvailabilityRule).where(
            AvailabilityRule.guild_id == guild_id,
            AvailabilityRule.coach_id == actor.user_id,
            AvailabilityRule.weekday.in_(chosen),
        )
    )
    session.add_all(
        AvailabilityRule(
            guild_id=guild_id,
            coach_id=actor.user_id,
            weekday=day,
            start_minute=window.start,
            end_minute=window.end,
        )
        for day in chosen
        for window in union(windows)
    )
    audit.record(
        session,
        guild_id,
        "hours_set",
        at=now,
        actor_id=actor.user_id,
        coach_id=actor.user_id,
        details={"days": chosen, "windows": [list(window) for window in union(windows)]},
    )
    await session.flush()
    return await week_of(session, coach)


async def add_hours(
    session: AsyncSession,
    guild_id: int,
    actor: Actor,
    days: Iterable[int],
    window: tuple[int, int],
    now: datetime,
) -> Week:
    """Add one window to each of these weekdays. Raises as `set_hours`."""
    coach = await applications.approved_coach(session, guild_id, actor.user_id, own=True, lock=True)
    week = await week_of(session, coach)
    for day in sorted(set(days)):
        week = await set_hours(session, guild_id, actor, [day], [*week.get(day, []), window], now)
    return week


async def free_times(
    session: AsyncSession,
    coach: Coach,
    duration: timedelta,
    *,
    student_id: int,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[datetime]:
    """Starts from `since` to `until` (both included) that this student can book now, in order (UTC).

    Without `since` from now, without `until` to the booking horizon. The same function lists and re-checks.
    None are offered while the coach has paused bookings.
    """
    since = max(since or now, now)
    horizon = now + timedelta(days=coach.horizon_days)
    past_the_last = min(until or horizon, horizon) + timedelta(minutes=1)
    if not coach.accepting:
        return iter(())
    reach = timedelta(minutes=coach.buffer_before_minutes), timedelta(minutes=coach.buffer_after_minutes)
    return free_slots(
        [WeeklyHours(rule.weekday, rule.start_minute, rule.end_minute) for rule in await _rules(session, coach)],
        _booking_rules(coach),
        duration,
        now=now,
        since=since,
        until=past_the_last,
        coach_busy=await _busy(session, coach.user_id, since - reach[0], past_the_last + duration + reach[1]),
        student_busy=await _busy(session, student_id, since, past_the_last + duration),
    )


async def first_free(session: AsyncSession, coach: Coach, *, student_id: int, now: datetime) -> datetime | None:
    """The coach's next free time of the usual length."""
    usual = timedelta(minutes=coach.durations_minutes[0])
    return next(await free_times(session, coach, usual, student_id=student_id, now=now), None)


def _booking_rules(coach: Coach) -> BookingRules:
    return BookingRules(
        zone=zone(coach.time_zone),
        slot_step=timedelta(minutes=coach.slot_step_minutes),
        buffer_before=timedelta(minutes=coach.buffer_before_minutes),
        buffer_after=timedelta(minutes=coach.buffer_after_minutes),
        minimum_notice=timedelta(minutes=coach.minimum_notice_minutes),
        horizon=timedelta(days=coach.horizon_days),
    )


async def _rules(session: AsyncSession, coach: Coach) -> list[AvailabilityRule]:
    found = await session.scalars(
        select(AvailabilityRule)
        .where(AvailabilityRule.guild_id == coach.guild_id, AvailabilityRule.coach_id == coach.user_id)
        .order_by(AvailabilityRule.weekday, AvailabilityRule.start_minute)
    )
    return list(found)


async def _busy(
    session: AsyncSession, user_id: int, since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """This person's reservations that meet `[since, until)`, in whatever server."""
    found = await session.execute(
        select(Reservation.starts_at, Reservation.ends_at).where(
            Reservation.user_id == user_id,
            Reservation.starts_at > since - LONGEST_RESERVATION,
            Reservation.starts_at < until,
            Reservation.ends_at > since,
        )
    )
    return [(start, end) for start, end in found]
