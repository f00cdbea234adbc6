"""Draw and describe a coach's week: which hours are free, taken or off.

Nothing here uses the clock, Discord or the database, so the same week always gives the same picture.
"""

from dataclasses import dataclass
from datetime import date
from enum import Enum

from scheduler.time.hour_cycle import HourCycle

WIDTH = 1080
"""In pixels: three for each point of a phone's screen."""
ALT_TEXT_LIMIT = 1024
"""Discord's limit for a picture's description."""


class Kind(Enum):
    """What a block of time is, in the words of the legend. Later ones are drawn over earlier ones."""

    OPEN = "free"
    PAUSED = "paused"
    TAKEN = "taken"
    OWN = "your session"

    @property
    def is_session(self) -> bool:
        """Return whether it's someone's session rather than hours."""
        return self in (Kind.TAKEN, Kind.OWN)


@dataclass(frozen=True, slots=True)
class Block:
    """`[start_minute, end_minute)` on the day's wall clock, end at most 1440.

    When the clocks repeat minutes, `second_time` puts the block into the second run. A block that extends past the
    repeated minutes on both sides covers both runs.
    """

    start_minute: int
    end_minute: int
    kind: Kind
    label: str = ""
    second_time: bool = False


@dataclass(frozen=True, slots=True)
class DayColumn:
    """A date: its blocks, whether and why (`note`) it's off, and minutes the clocks skip or repeat."""

    date: date
    blocks: tuple[Block, ...] = ()
    off: bool = False
    note: str = ""
    skipped: tuple[tuple[int, int], ...] = ()
    repeated: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class WeekPicture:
    """Seven days on a zone's wall clock. `now` is a local date and minute; `chosen` days are highlighted."""

    days: tuple[DayColumn, ...]
    zone: str
    now: tuple[date, int] | None
    chosen: frozenset[date] = frozenset()
    cycle: HourCycle = HourCycle.H23
    """How its reader writes times."""


def describe(week: WeekPicture) -> str:
    """Describe the week for screen readers, with as many days as `ALT_TEXT_LIMIT` allows."""
    days = [_describe_day(day, week.cycle) for day in week.days]
    for count in range(len(days), 0, -1):
        said = "; ".join(days if count == len(days) else [*days[:count], "…"])
        if len(said) <= ALT_TEXT_LIMIT:
            return said
    # If even the first day is too long, end after its last block that fits.
    return days[0][:ALT_TEXT_LIMIT].rsplit(", ", 1)[0]


def _describe_day(day: DayColumn, cycle: HourCycle) -> str:
    parts: list[str] = []
    if day.off:
        parts.append(f"day off ({day.note})" if day.note else "day off")
    parts += [f"no {_span(*minutes, cycle)}" for minutes in day.skipped]
    parts += [f"{_span(*minutes, cycle)} twice" for minutes in day.repeated]
    kinds = list(Kind)
    for block in sorted(
        day.blocks, key=lambda block: (kinds.index(block.kind), block.start_minute, block.second_time)
    ):
        again = " the second time" if block.second_time else ""
        name = f" ({block.label})" if block.label else ""
        parts.append(f"{_span(block.start_minute, block.end_minute, cycle)}{again} {block.kind.value}{name}")
    return f"{day.date:%a} {day_and_month(day.date)}: {', '.join(parts) or 'no hours'}"


def _span(start: int, end: int, cycle: HourCycle) -> str:
    return f"{cycle.short(start)}-{cycle.short(end)}"


def day_and_month(day: date) -> str:
    """Write a date as the picture shows it."""
    return f"{day.day} {day:%b}"
