"""A coach's week, from the rows to the picture."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cogs.week_picture import Block, DayColumn, Kind, WeekPicture
from models import LONGEST_RESERVATION, Coach, CoachingSession, Reservation
from scheduler import availability, timetable
from scheduler.slots import Period
from scheduler.timetable import Dates
from scheduler.wallclock import clock_changes, local_pieces, start_of
from scheduler.zones import zone


async def week_picture(
    session: AsyncSession, coach: Coach, monday: date, now: datetime
) -> tuple[WeekPicture, datetime, datetime]:
    """The picture of seven days from `monday` on the coach's clock, and the instants from when to when it goes."""
    in_zone, sunday = zone(coach.time_zone), monday + timedelta(days=6)
    since, until = start_of(in_zone, monday), start_of(in_zone, monday + timedelta(days=7))
    hours = await availability.hours_of(session, coach, since=since, until=until)
    blocks = [
        *_blocks(coach, hours.working_time(in_zone, monday, sunday), Kind.OPEN),
        *_blocks(coach, await _booked(session, coach, since, until), Kind.BOOKED),
    ]
    dates = await timetable.dates_of(session, coach, monday)
    local_now = next(local_pieces(in_zone, now, now + timedelta(minutes=1)))
    week = WeekPicture(
        days=tuple(_column(coach, monday + timedelta(days=step), blocks, dates) for step in range(7)),
        zone=coach.time_zone,
        now=local_now[:2],
    )
    return week, since, until


def _column(coach: Coach, day: date, blocks: list[tuple[date, Block]], dates: list[Dates]) -> DayColumn:
    skipped, repeated = clock_changes(zone(coach.time_zone), day)
    off = next((one for one in dates if one.first <= day <= one.last and not one.adds and not one.windows), None)
    return DayColumn(
        day,
        blocks=tuple(block for its_day, block in blocks if its_day == day),
        off=off is not None,
        note=(off.reason or "") if off else "",
        skipped=tuple((start, end) for start, end in skipped),
        repeated=tuple((start, end) for start, end in repeated),
    )


def _blocks(coach: Coach, periods: Iterable[Period], kind: Kind) -> list[tuple[date, Block]]:
    return [
        (day, Block(first, last, kind, _label(first, kind), second_time))
        for start, end in periods
        for day, first, last, second_time in local_pieces(zone(coach.time_zone), start, end)
    ]


def _label(first: int, kind: Kind) -> str:
    return f"{first // 60:02}:{first % 60:02}" if kind is Kind.BOOKED else ""


async def _booked(session: AsyncSession, coach: Coach, since: datetime, until: datetime) -> list[Period]:
    """Sessions of this person, here and elsewhere, as coach or student, without buffers."""
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
