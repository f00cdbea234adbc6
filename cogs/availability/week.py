"""Gather a coach's week for its picture."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from cogs.images.week import Kind, WeekPicture
from cogs.images.week_days import picture_of
from models import Coach
from scheduler.availability import closed_times, free_times, schedule
from scheduler.sessions.own import own_sessions
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.local_time import start_of
from scheduler.time.time_zones import zone


async def week_picture(
    session: AsyncSession, coach: Coach, monday: date, weekdays: Sequence[int], now: datetime, cycle: HourCycle
) -> tuple[WeekPicture, datetime, datetime]:
    """Return the week from `monday` in the coach's zone, and the instants it begins and ends.

    The chosen `weekdays` (Monday is 0) are highlighted.
    """
    in_zone, sunday = zone(coach.time_zone), monday + timedelta(days=6)
    since, until = start_of(in_zone, monday), start_of(in_zone, monday + timedelta(days=7))
    hours = await free_times.hours_of(session, coach, since=since, until=until)
    closed = (await closed_times.closed_times_of_each(session, [coach], since, until))[coach.user_id]
    dates = await schedule.dates_of(session, coach, monday)
    kind = Kind.OPEN if coach.accepting else Kind.PAUSED
    off = [one for one in dates if not one.adds and not one.windows]

    def day_off(day: date) -> str | None:
        begin, end = start_of(in_zone, day), start_of(in_zone, day + timedelta(days=1))
        if any(one.start <= begin and end <= one.end for one in closed):
            return "Closed"
        return next((one.reason or "" for one in off if one.first <= day <= one.last), None)

    week = picture_of(
        coach.time_zone,
        monday,
        periods=((kind, one) for one in closed_times.without(hours.working_time(in_zone, monday, sunday), closed)),
        own=await own_sessions(session, coach.user_id, since, until),
        now=now,
        chosen=(monday + timedelta(days=day) for day in weekdays),
        cycle=cycle,
        day_off=day_off,
    )
    return week, since, until
