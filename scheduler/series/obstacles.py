"""What keeps lessons from taking place: something else then, closed days, days off, and clock changes."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import LONGEST_RESERVATION, Coach, Hold, Reservation, Series, SkipReason
from scheduler.availability import closed_times, free_times
from scheduler.availability.slots import Hours, Period
from scheduler.booking import reservations
from scheduler.series import reserved
from scheduler.time.time_zones import zone


class Obstacles(NamedTuple):
    """What lessons of a series can run into."""

    coach: Coach
    coach_busy: Sequence[Period]
    student_busy: Sequence[Period]
    closed: Sequence[Period]
    hours: Hours

    def reason(self, starts_at: datetime | None, length: timedelta, now: datetime) -> SkipReason | None:
        """Return why a lesson that's planned then doesn't take place, or None. No start: the clocks skip it."""
        if starts_at is None:
            return SkipReason.CLOCKS
        if starts_at <= now:
            return SkipReason.MISSED
        ends_at = starts_at + length
        day = starts_at.astimezone(zone(self.coach.time_zone)).date()
        if _overlaps(self.closed, starts_at, ends_at) or self.hours.is_day_off(day):
            return SkipReason.CLOSED
        with_buffers = reservations.with_buffers(self.coach, starts_at, ends_at)
        if _overlaps(self.coach_busy, *with_buffers) or _overlaps(self.student_busy, starts_at, ends_at):
            return SkipReason.TAKEN
        return None


async def load(
    session: AsyncSession,
    series: Series,
    coach: Coach,
    starts: Collection[datetime | None],
    now: datetime,
    *,
    without: Collection[int] = (),
) -> Obstacles:
    """Load what matters for lessons of a series at these times.

    That includes hours of other series that were agreed on before. The time of the sessions in `without` counts as
    free.
    """
    known = [at for at in starts if at is not None] or [now]
    since, until = min(known) - 2 * LONGEST_RESERVATION, max(known) + 2 * LONGEST_RESERVATION
    busy: dict[int, list[Period]] = {coach.user_id: [], series.student_id: []}
    taken = (
        select(Reservation.user_id, Reservation.starts_at, Reservation.ends_at)
        .outerjoin(Hold, Hold.id == Reservation.hold_id)
        .where(
            Reservation.user_id.in_(busy),
            Reservation.starts_at > since,
            Reservation.starts_at < until,
            or_(Reservation.session_id.is_(None), Reservation.session_id.not_in(without)),
            or_(Hold.id.is_(None), Hold.expires_at > now),
        )
    )
    for user_id, start, end in await session.execute(taken):
        busy[user_id].append((start, end))
    for user_id, start, end in await reserved.reserved_by_earlier_ones(session, series, until):
        busy[user_id].append((start, end))
    return Obstacles(
        coach,
        busy[coach.user_id],
        busy[series.student_id],
        await closed_times.closed_times(session, coach, since, until),
        await free_times.hours_of(session, coach, since=since, until=until),
    )


def _overlaps(periods: Sequence[Period], starts_at: datetime, ends_at: datetime) -> bool:
    return any(start < ends_at and starts_at < end for start, end in periods)
