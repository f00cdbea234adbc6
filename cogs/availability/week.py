"""Gather a coach's week for its picture."""

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cogs.images.week import WeekPicture
from cogs.images.week_days import picture_of
from models import LONGEST_RESERVATION, Coach, CoachingSession, Reservation
from scheduler.availability import free_times, schedule
from scheduler.availability.slots import Period
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone


async def week_picture(
    session: AsyncSession, coach: Coach, monday: date, now: datetime
) -> tuple[WeekPicture, datetime, datetime]:
    """Return the week from `monday` in the coach's zone, and the instants it begins and ends."""
    in_zone, sunday = zone(coach.time_zone), monday + timedelta(days=6)
    since, until = start_of(in_zone, monday), start_of(in_zone, monday + timedelta(days=7))
    hours = await free_times.hours_of(session, coach, since=since, until=until)
    dates = await schedule.dates_of(session, coach, monday)
    off = [one for one in dates if not one.adds and not one.windows]
    week = picture_of(
        coach.time_zone,
        monday,
        free=hours.working_time(in_zone, monday, sunday),
        booked=await _booked(session, coach, since, until),
        now=now,
        day_off=lambda day: next((one.reason or "" for one in off if one.first <= day <= one.last), None),
        labels=True,
    )
    return week, since, until


async def _booked(session: AsyncSession, coach: Coach, since: datetime, until: datetime) -> list[Period]:
    """Return this person's sessions without buffers, as coach or student, in all servers."""
    found = await session.execute(
        select(CoachingSession.starts_at, CoachingSession.ends_at)
        .join(Reservation, Reservation.session_id == CoachingSession.id)
        .where(
            Reservation.user_id == coach.user_id,
            Reservation.starts_at > since - LONGEST_RESERVATION,
            Reservation.starts_at < until,
        )
        .order_by(CoachingSession.starts_at)
    )
    return [(max(start, since), min(end, until)) for start, end in found if start < until and end > since]
