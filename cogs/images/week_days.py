"""Turn periods of time into the days a week's picture shows."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from cogs.images.week import Block, DayColumn, Kind, WeekPicture
from scheduler.availability.slots import Period
from scheduler.sessions.own import OwnSession
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.local_time import clock_changes, local_pieces
from scheduler.time.time_zones import zone


def picture_of(
    zone_name: str,
    monday: date,
    *,
    periods: Iterable[tuple[Kind, Period]],
    own: Iterable[OwnSession],
    now: datetime,
    chosen: Iterable[date],
    cycle: HourCycle = HourCycle.H23,
    day_off: Callable[[date], str | None] = lambda _: None,
) -> WeekPicture:
    """Build the picture of the week from `monday`, on the clock of a zone.

    The reader's `own` sessions are labelled with the coach, or with the start if they coach it. `day_off` returns
    why a date is off ("" if no reason was given), or None if it isn't.
    """
    blocks = [
        *(block for kind, period in periods for block in _blocks(zone_name, period, kind)),
        *(
            block
            for one in own
            for block in _blocks(zone_name, (one.starts_at, one.ends_at), Kind.OWN, one.coach_name or cycle)
        ),
    ]
    local_now = next(local_pieces(zone(zone_name), now, now + timedelta(minutes=1)))
    columns = []
    for step in range(7):
        day = monday + timedelta(days=step)
        skipped, repeated = clock_changes(zone(zone_name), day)
        reason = day_off(day)
        columns.append(
            DayColumn(
                day,
                blocks=tuple(block for its_day, block in blocks if its_day == day),
                off=reason is not None,
                note=reason or "",
                skipped=tuple((start, end) for start, end in skipped),
                repeated=tuple((start, end) for start, end in repeated),
            )
        )
    return WeekPicture(tuple(columns), show_zone(zone_name), local_now[:2], frozenset(chosen), cycle)


def _blocks(zone_name: str, period: Period, kind: Kind, label: str | HourCycle = "") -> list[tuple[date, Block]]:
    """Split a period by days. A block is labelled with a name, or with its start as an hour cycle writes it."""
    return [
        (day, Block(first, last, kind, label if isinstance(label, str) else label.short(first), second_time))
        for day, first, last, second_time in local_pieces(zone(zone_name), *period)
    ]
