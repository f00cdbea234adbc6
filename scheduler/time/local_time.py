"""Convert between instants and local clocks. This is the only module that deals with clock changes.

Instants are whole minutes since 1970 in UTC, dates are ordinals (`date.toordinal`).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.time.intervals import Interval

Stretches = tuple[tuple[int, int, int], ...]
"""The UTC minutes of one local date as `(start, end, offset)`, one per UTC offset during the date.

Local minute m of a stretch is UTC minute m + offset. A date without a clock change has one stretch; a date the
calendar skipped has none.
"""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY_MINUTES = 24 * 60

_EPOCH_ORDINAL = EPOCH.toordinal()


def minute_at(at: datetime) -> int:
    """Return the minute that contains this instant."""
    since = at - EPOCH
    return since.days * DAY_MINUTES + since.seconds // 60


def minute_after(at: datetime) -> int:
    """Return the first minute that starts at or after this instant."""
    since = at - EPOCH
    return since.days * DAY_MINUTES + (since.seconds + 59 + (since.microseconds > 0)) // 60


def instant(minute: int) -> datetime:
    """Return when a minute starts."""
    return EPOCH + minute * MINUTE


@lru_cache(maxsize=4096)
def instants(first: int, stop: int, step: int) -> tuple[datetime, ...]:
    """Return when the minutes of this `range` start. Cached, because creating datetimes is slow."""
    return tuple(map(instant, range(first, stop, step)))


def ordinal_of(minute: int, zone: ZoneInfo) -> int:
    """Return the local date at this minute."""
    return (EPOCH + minute * MINUTE).astimezone(zone).toordinal()


def latest_ordinal(minute: int) -> int:
    """Return a date at least as late as any zone's local date at this minute, without asking a zone."""
    return minute // DAY_MINUTES + _EPOCH_ORDINAL + 1


@lru_cache(maxsize=16384)
def stretches_of(zone: ZoneInfo, ordinal: int) -> Stretches:
    """Return the stretches of one date. Cached, because zone arithmetic is slow."""
    midnight = (ordinal - _EPOCH_ORDINAL) * DAY_MINUTES
    # No zone is more than 15 hours from UTC, so this range contains the whole day.
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
    """Return the stretches from the start of a date to the start of the next, in order, each with its date.

    Clocks set back just after midnight, as in St. John's until 2011, return to the previous date.
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
    """Split `[low, high)` where the zone changes its offset, assuming at most one change in 6 hours."""
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
    """Return the zone's UTC offsets in `[since, until)`, in order, each as (end of the offset, offset)."""
    low, high = minute_at(since), minute_after(until)
    return [(instant(end), _offset(zone, start) * MINUTE) for start, end in _constant_offset(zone, low, high)]


def _offset(zone: ZoneInfo, minute: int) -> int:
    """Return how many minutes the zone is ahead of UTC."""
    ahead = (EPOCH + minute * MINUTE).astimezone(zone).utcoffset()
    assert ahead is not None, "a ZoneInfo always knows its offset"
    return ahead // MINUTE


def local_pieces(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[date, int, int, bool]]:
    """Split `[start, end)` into local `(date, first minute, end minute, second time)` pieces.

    Pieces end at midnight and at clock changes. "Second time" means the clock already showed that minute that day.
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
    """Return the wall-clock minutes this date skips, and those it shows twice."""
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
    """Return the first instant (UTC) of this date in `zone`, or of the next date if the calendar skipped it."""
    ordinal = day.toordinal()
    while not (stretches := stretches_of(zone, ordinal)):
        ordinal += 1
    return EPOCH + stretches[0][0] * MINUTE


def first_instant(zone: ZoneInfo, day: date, minute: int) -> datetime | None:
    """Return the first instant (UTC) at which the clocks show this minute of a date; None if they skip it."""
    for begin, end, offset in stretches_of(zone, day.toordinal()):
        if begin <= minute + offset < end:
            return instant(minute + offset)
    return None
