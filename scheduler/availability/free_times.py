"""Load what decides when a coach can be booked; `scheduler.availability.slots` computes it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    LONGEST_RESERVATION,
    AvailabilityRule,
    Coach,
    CoachingSession,
    DateOverride,
    FreedTime,
    Hold,
    HoldPurpose,
    Reservation,
    SessionStatus,
)
from scheduler.availability import closed_times, kept_hours
from scheduler.availability.slots import BookingRules, Calendar, DayHours, Hours, Period, SlotRefusal, Window
from scheduler.parsing.durations import write_length
from scheduler.time.intervals import subtract
from scheduler.time.time_zones import is_known, zone

_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_LIMIT_MARGIN = timedelta(days=8)
"""Limits count whole weeks, so sessions up to a week away matter too."""


async def free_times(
    session: AsyncSession,
    coach: Coach,
    duration: timedelta,
    *,
    student_id: int,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    rescheduling_id: int | None = None,
) -> Iterator[datetime]:
    """Return the starts (UTC) from `since` to `until`, both included, that this student can book now.

    The defaults are just after `now` and the booking horizon. Use it both to list times and to check one again.
    `rescheduling_id` is the id of a session being rescheduled, whose own time counts as free. Empty while the
    coach has paused bookings.
    """
    since = max(since or now, now)
    horizon = now + timedelta(days=coach.horizon_days)
    past_the_last = min(until or horizon, horizon) + timedelta(minutes=1)
    known = await calendars(
        session,
        [coach],
        student_id=student_id,
        now=now,
        since=since,
        until=past_the_last + duration,
        rescheduling_id=rescheduling_id,
    )
    return known[coach.user_id].free(duration, now=now, since=since, until=past_the_last)


async def free_and_busy(
    session: AsyncSession, coach: Coach, *, student_id: int, now: datetime, since: datetime, until: datetime
) -> tuple[list[Period], list[Period]]:
    """Return the coach's free and busy working time in `[since, until)`, leaving out what's too soon to book."""
    since = min(max(since, now + timedelta(minutes=coach.minimum_notice_minutes)), until)
    known = await calendars(session, [coach], student_id=student_id, now=now, since=since, until=until)
    calendar = known[coach.user_id]
    first, last = (at.astimezone(calendar.rules.zone).date() for at in (since, until))
    hours = subtract(
        calendar.hours.working_time(calendar.rules.zone, first, last), [(_BEGINNING, since), (until, _END)]
    )
    hours = closed_times.without(hours, calendar.closed)
    free = subtract(hours, calendar.coach_busy)
    return [tuple(one) for one in free], [tuple(one) for one in subtract(hours, free)]


async def refusals(
    session: AsyncSession,
    coach: Coach,
    start: datetime,
    duration: timedelta,
    *,
    student_id: int,
    now: datetime,
    rescheduling_id: int | None = None,
) -> list[SlotRefusal]:
    """Return every reason this student can't book this start, the most telling first; none if they can."""
    known = await calendars(
        session,
        [coach],
        student_id=student_id,
        now=now,
        since=start,
        until=start + duration,
        rescheduling_id=rescheduling_id,
    )
    return list(known[coach.user_id].refusals(start, duration, now=now))


def explain(reason: SlotRefusal, coach: Coach) -> str:
    """Explain in one sentence why a time can't be booked, to student and coach alike."""
    return {
        SlotRefusal.PAUSED: "This coach isn't taking new bookings at the moment."
        if is_known(coach.time_zone)
        else "This coach has to choose a time zone in `/availability` before anyone can book them.",
        SlotRefusal.TOO_SOON: (
            "That time is too soon: this coach needs "
            f"{write_length(timedelta(minutes=coach.minimum_notice_minutes))} of notice."
            if coach.minimum_notice_minutes
            else "That time has already passed."
        ),
        SlotRefusal.TOO_FAR: (
            "That time is too far ahead: this coach can be booked up to "
            f"{write_length(timedelta(days=coach.horizon_days))} ahead."
        ),
        SlotRefusal.DAY_OFF: "The coach is off that day.",
        SlotRefusal.OUTSIDE_HOURS: "That time is outside the coach's hours.",
        SlotRefusal.OFF_STEP: f"Sessions start every {coach.slot_step_minutes} minutes, but not at that time.",
        SlotRefusal.DAILY_LIMIT: f"That day is full: the coach's daily limit is {coach.daily_limit}.",
        SlotRefusal.WEEKLY_LIMIT: f"That week is full: the coach's weekly limit is {coach.weekly_limit}.",
        SlotRefusal.TAKEN: "That time is already booked.",
        SlotRefusal.STUDENT_BUSY: "The student has another session at that time.",
        SlotRefusal.BUFFER: "That time is too close to another of the coach's sessions.",
        **closed_times.EXPLANATIONS,
    }[reason]


async def conflicts(session: AsyncSession, coach: Coach, now: datetime) -> list[CoachingSession]:
    """Return upcoming sessions outside the coach's hours that they haven't decided to keep, soonest first.

    Empty while the coach's time zone is unknown, because their hours are unknown then, too.
    """
    if not is_known(coach.time_zone):
        return []
    found = await session.scalars(
        select(CoachingSession)
        .where(
            CoachingSession.guild_id == coach.guild_id,
            CoachingSession.coach_id == coach.user_id,
            CoachingSession.status == SessionStatus.SCHEDULED,
            CoachingSession.kept_at.is_(None),
            CoachingSession.is_workshop.is_(False),  # their coach chose the time whatever their hours
            CoachingSession.starts_at > now,
        )
        .order_by(CoachingSession.starts_at)
    )
    upcoming = list(found)
    if not upcoming:
        return []
    since, until = upcoming[0].starts_at, max(one.ends_at for one in upcoming)
    calendar = Calendar(await hours_of(session, coach, since=since, until=until), _booking_rules(coach))
    return [one for one in upcoming if not calendar.is_within_hours(one.starts_at, one.ends_at)]


async def hours_of(session: AsyncSession, coach: Coach, *, since: datetime, until: datetime) -> Hours:
    """Return the coach's hours, with date overrides only from `since` to `until`."""
    return (await hours_of_each(session, [coach], since=since, until=until))[coach.user_id]


async def calendars(
    session: AsyncSession,
    coaches: Sequence[Coach],
    *,
    student_id: int,
    now: datetime,
    since: datetime,
    until: datetime,
    rescheduling_id: int | None = None,
) -> dict[int, Calendar]:
    """Return the calendars of coaches on one server by user id, with everything that matters in `[since, until)`.

    What the student is choosing on this server counts as free, because a new choice replaces it. Takes the same
    few queries for one coach as for many.
    """
    guild_id = coaches[0].guild_id if coaches else 0
    is_choice = and_(
        Hold.guild_id == guild_id, Hold.student_id == student_id, Hold.purpose == HoldPurpose.CHOOSING
    )
    holding = and_(Hold.expires_at > now, ~is_choice)
    hours = await hours_of_each(session, coaches, since=since, until=until)
    busy = await _busy(session, [student_id, *hours], since, until, rescheduling_id, holding)
    counted = await _counted_starts(session, coaches, since, until, rescheduling_id, holding)
    closed = await closed_times.closed_times_of_each(session, coaches, since, until)
    return {
        coach.user_id: Calendar(
            hours[coach.user_id],
            # A pause only stops new bookings: booked sessions can still be rescheduled.
            replace(_booking_rules(coach), accepting=is_known(coach.time_zone))
            if rescheduling_id
            else _booking_rules(coach),
            coach_busy=busy[coach.user_id],
            student_busy=busy[student_id],
            counted=counted[coach.user_id],
            closed=closed[coach.user_id],
        )
        for coach in coaches
    }


def takes_bookings(coach: Coach) -> bool:
    """Return whether the coach isn't paused and has a known time zone."""
    return coach.accepting and is_known(coach.time_zone)


def _booking_rules(coach: Coach) -> BookingRules:
    return BookingRules(
        zone=zone(coach.time_zone),
        slot_step=timedelta(minutes=coach.slot_step_minutes),
        buffer_before=timedelta(minutes=coach.buffer_before_minutes),
        buffer_after=timedelta(minutes=coach.buffer_after_minutes),
        minimum_notice=timedelta(minutes=coach.minimum_notice_minutes),
        horizon=timedelta(days=coach.horizon_days),
        daily_limit=coach.daily_limit,
        weekly_limit=coach.weekly_limit,
        accepting=takes_bookings(coach),
    )


async def hours_of_each(
    session: AsyncSession, coaches: Sequence[Coach], *, since: datetime, until: datetime
) -> Mapping[int, Hours]:
    """Return the hours of coaches on one server by user id, in two queries (see `hours_of`)."""
    weeks = await weekly_windows(session, coaches)
    dates: dict[int, list[DayHours]] = defaultdict(list)
    overrides = select(DateOverride.coach_id, DateOverride.day, DateOverride.windows, DateOverride.adds).where(
        *_belongs_to(DateOverride, coaches), DateOverride.day.between(*_dates_around(since, until))
    )
    for coach_id, day, windows, adds in await session.execute(overrides):
        dates[coach_id].append(DayHours(day, [(start, end) for start, end in windows], adds))
    return {coach.user_id: Hours(weeks[coach.user_id], dates[coach.user_id]) for coach in coaches}


async def weekly_windows(session: AsyncSession, coaches: Collection[Coach]) -> dict[int, dict[int, list[Window]]]:
    """Return the weekly hours of coaches on one server by user id and weekday, unsorted, in one query."""
    weeks: dict[int, dict[int, list[Window]]] = {coach.user_id: defaultdict(list) for coach in coaches}
    for rule in await session.execute(
        select(
            AvailabilityRule.coach_id,
            AvailabilityRule.weekday,
            AvailabilityRule.start_minute,
            AvailabilityRule.end_minute,
        ).where(*_belongs_to(AvailabilityRule, coaches))
    ):
        weeks[rule.coach_id][rule.weekday].append((rule.start_minute, rule.end_minute))
    return weeks


def _belongs_to(
    table: type[AvailabilityRule | DateOverride], coaches: Collection[Coach]
) -> list[ColumnElement[bool]]:
    """Select the rows of these coaches, who must be on one server."""
    return [
        table.guild_id.in_({coach.guild_id for coach in coaches}),
        table.coach_id.in_([coach.user_id for coach in coaches]),
    ]


def _dates_around(since: datetime, until: datetime) -> tuple[date, date]:
    """Return the dates that can matter. A window can start long before `since`."""
    return (since - timedelta(days=20)).date(), (until + timedelta(days=3)).date()


async def _busy(
    session: AsyncSession,
    user_ids: Sequence[int],
    since: datetime,
    until: datetime,
    rescheduling_id: int | None,
    holding: ColumnElement[bool],
) -> Mapping[int, list[Period]]:
    """Return these people's reservations near `[since, until)`, on any server, and hours that are kept for them.

    Coaches are busy, too, while time of theirs that became free waits to be offered to the waiting list.
    """
    of_a_session = and_(Reservation.session_id.is_not(None), Reservation.session_id != (rescheduling_id or 0))
    # A day more on either side, because the new booking's buffers have to be free too.
    around = since - 2 * LONGEST_RESERVATION, until + LONGEST_RESERVATION
    reserved = (
        select(Reservation.user_id, Reservation.starts_at, Reservation.ends_at)
        .outerjoin(Hold, Hold.id == Reservation.hold_id)
        .where(
            Reservation.user_id.in_(user_ids),
            Reservation.starts_at > around[0],
            Reservation.starts_at < around[1],
            or_(of_a_session, holding),
        )
    )
    waiting = select(FreedTime.coach_id, FreedTime.starts_at, FreedTime.ends_at).where(
        FreedTime.coach_id.in_(user_ids),
        FreedTime.starts_at > around[0],
        FreedTime.starts_at < around[1],
        FreedTime.next_step_at.is_not(None),
        FreedTime.is_new_hours.is_(False),
        FreedTime.session_id.is_(None),
    )
    busy: dict[int, list[Period]] = defaultdict(list)
    # Kept hours first, because they become reservations. The others at once, because whoever frees a reservation
    # adds what waits in the same transaction.
    for user_id, start, end in await kept_hours.kept_hours(session, user_ids, *around):
        busy[user_id].append((start, end))
    for user_id, start, end in await session.execute(union_all(reserved, waiting)):
        busy[user_id].append((start, end))
    return busy


async def _counted_starts(
    session: AsyncSession,
    coaches: Sequence[Coach],
    since: datetime,
    until: datetime,
    rescheduling_id: int | None,
    holding: ColumnElement[bool],
) -> Mapping[int, list[datetime]]:
    """Return the starts of sessions and holds that count towards limits, for coaches who have limits."""
    counted: dict[int, list[datetime]] = defaultdict(list)
    limited = [coach for coach in coaches if coach.daily_limit is not None or coach.weekly_limit is not None]
    if not limited:
        return counted
    ids, guild_id = [coach.user_id for coach in limited], limited[0].guild_id
    sessions = select(CoachingSession.coach_id, CoachingSession.starts_at).where(
        CoachingSession.guild_id == guild_id,
        CoachingSession.coach_id.in_(ids),
        CoachingSession.starts_at.between(since - _LIMIT_MARGIN, until + _LIMIT_MARGIN),
        CoachingSession.status != SessionStatus.CANCELLED,
        CoachingSession.id != (rescheduling_id or 0),
    )
    held = Hold.guild_id == guild_id, Hold.coach_id.in_(ids), holding
    is_request = Hold.purpose == HoldPurpose.REQUEST
    holds = select(Hold.coach_id, Hold.starts_at).where(*held, ~is_request)
    requested = (  # one hold with a reservation for each lesson; the student's has no buffers
        select(Hold.coach_id, Reservation.starts_at)
        .join(Reservation, and_(Reservation.hold_id == Hold.id, Reservation.user_id == Hold.student_id))
        .where(*held, is_request, Reservation.starts_at.between(since - _LIMIT_MARGIN, until + _LIMIT_MARGIN))
    )
    for coach_id, start in await session.execute(union_all(sessions, holds, requested)):
        counted[coach_id].append(start)
    return counted
