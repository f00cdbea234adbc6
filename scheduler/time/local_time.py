"""What the clocks of a zone show: the only place that knows clock changes.

Instants are whole minutes since 1970 in UTC, dates are ordinals (`date.toordinal`).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.time.intervals import Interval

Span = tuple[int, int]
"""`[start, end)` of UTC minutes."""
Stretches = tuple[tuple[int, int, int], ...]
"""The UTC minutes of one local date as `(start, end, offset)`, one for each UTC offset that it has.

Local minute m of a stretch is UTC minute m + offset. A date without a clock change is one stretch; one that
the calendar skipped has none.
"""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY_MINUTES = 24 * 60

_EPOCH_ORDINAL = EPOCH.toordinal()


def minute_at(at: datetime) -> int:
    """The minute in which this instant lies."""
    since = at - EPOCH
    return since.days * DAY_MINUTES + since.seconds // 60


def minute_after(at: datetime) -> int:
    """The first minute that begins at this instant or later."""
    since = at - EPOCH
    return since.days * DAY_MINUTES + (since.seconds + 59 + (since.microseconds > 0)) // 60


def instant(minute: int) -> datetime:
    """When a minute begins."""
    return EPOCH + minute * MINUTE


@lru_cache(maxsize=4096)
def instants(first: int, stop: int, step: int) -> tuple[datetime, ...]:
    """When the minutes of such a `range` begin. Making datetimes is slow, and the same ones are needed often."""
    return tuple(map(instant, range(first, stop, step)))


def ordinal_of(minute: int, zone: ZoneInfo) -> int:
    """The local date of a minute."""
    return (EPOCH + minute * MINUTE).astimezone(zone).toordinal()


def latest_ordinal(minute: int) -> int:
    """A date that no zone has left behind at this minute; cheaper than to ask one."""
    return minute // DAY_MINUTES + _EPOCH_ORDINAL + 1


@lru_cache(maxsize=16384)
def stretches_of(zone: ZoneInfo, ordinal: int) -> Stretches:
    """The stretches of one date. Zone arithmetic is slow, so it is done once for each zone and date."""
    midnight = (ordinal - _EPOCH_ORDINAL) * DAY_MINUTES
    # No zone is further than 15 hours from UTC, so the day lies within this range, whatever its offsets.
    low, high = midnight - 15 * 60, midnight + DAY_MINUTES + 15 * 60
    found: list[tuple[int, int, int]] = []
    for start, end in _constant_offset(zone, low, high):
        first = midnight - _offset(zone, start)
        low_end, high_end = max(start, first), min(end, first + DAY_MINUTES)
        if low_end < high_end:
            found.append((low_end, high_end, first))
    return tuple(found)


@lru_cache(maxsize=16384)
def stretches_from(zone: ZoneInfo, ordinal: int) -> tuple[tuple[int, int, int, int], ...]:
    """The stretches from the first minute of a date to that of the next, in order, each with its own date.

    Clocks that are set back just after midnight, as in St. John's until 2011, return to the date before.
    """
    own = stretches_of(zone, ordinal)
    if not own:
        return ()
    after = stretches_of(zone, ordinal + 1) or stretches_of(zone, ordinal + 2)
    return tuple(
        sorted(
            (*stretch, day)
            for day in (ordinal - 1, ordinal)
            for stretch in stretches_of(zone, day)
            if own[0][0] <= stretch[0] < after[0][0]
        )
    )


def _constant_offset(zone: ZoneInfo, low: int, high: int) -> Iterator[tuple[int, int]]:
    """`[low, high)` cut where the zone changes its offset (at most once between two looks, 6 hours apart)."""
    start, looked, offset = low, low, _offset(zone, low)
    while looked < high:
        same, looked = looked, min(looked + 6 * 60, high)
        if _offset(zone, looked) == offset:
            continue
        while looked - same > 1:
            middle = (same + looked) // 2
            if _offset(zone, middle) == offset:
                same = middle
            else:
                looked = middle
        yield start, looked
        start, offset = looked, _offset(zone, looked)
    if start < high:
        yield start, high


def offsets(zone: ZoneInfo, since: datetime, until: datetime) -> list[tuple[datetime, timedelta]]:
    """How far the zone's clock is ahead of UTC in `[since, until)`: until when (UTC) by how much, in order."""
    low, high = minute_at(since), minute_after(until)
    return [(instant(end), _offset(zone, start) * MINUTE) for start, end in _constant_offset(zone, low, high)]


def _offset(zone: ZoneInfo, minute: int) -> int:
    """Minutes that the zone's clock is ahead of UTC at this minute."""
    ahead = (EPOCH + minute * MINUTE).astimezone(zone).utcoffset()
    assert ahead is not None, "a ZoneInfo always knows its offset"
    return ahead // MINUTE


def local_pieces(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[date, int, int, bool]]:
    """`[start, end)` as a clock in `zone` shows it: `(date, first minute, end minute, second time)`.

    Cut at midnights and clock changes. "Second time" is true if its first minute was shown before on that date.
    """
    low, high = minute_at(start), minute_after(end)
    for ordinal in range(ordinal_of(low, zone), ordinal_of(high, zone) + 1):
        shown = 0
        for begin, stop, offset in stretches_of(zone, ordinal):
            first, last = max(low, begin), min(high, stop)
            if first < last:
                yield date.fromordinal(ordinal), first - offset, last - offset, first - offset < shown
            shown = max(shown, stop - offset)


def clock_changes(zone: ZoneInfo, day: date) -> tuple[list[Interval], list[Interval]]:
    """The wall-clock minutes of this date that the clocks skip, and those that they show twice."""
    skipped: list[Interval] = []
    repeated: list[Interval] = []
    shown = 0
    for begin, stop, offset in stretches_of(zone, day.toordinal()):
        first, last = begin - offset, stop - offset
        if first > shown:
            skipped.append(Interval(shown, first))
        elif first < shown:
            repeated.append(Interval(first, min(last, shown)))
        shown = max(shown, last)
    if shown < DAY_MINUTES:
        skipped.append(Interval(shown, DAY_MINUTES))
    return skipped, repeated


def start_of(zone: ZoneInfo, day: date) -> datetime:
    """The first instant of this date in `zone` (UTC); where the calendar skipped it, that of the next date."""
    ordinal = day.toordinal()
    while not (stretches := stretches_of(zone, ordinal)):
        ordinal += 1
    return EPOCH + stretches[0][0] * MINUTE
