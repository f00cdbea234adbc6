"""A coach's week as a picture shows it: which hours are free, booked or off, and the same in words.

Nothing here asks the clock, Discord or the database: the same week gives the same picture, in any thread.
"""

from dataclasses import dataclass
from datetime import date
from enum import Enum

WIDTH = 1080
"""Pixels: three for each point of a phone's screen."""
ALT_TEXT_LIMIT = 1024
"""Discord's limit for the description of a picture."""


class Kind(Enum):
    """What a block of time is: hours that can be booked, or time that is taken."""

    OPEN = 0
    BOOKED = 1


@dataclass(frozen=True, slots=True)
class Block:
    """`[start_minute, end_minute)` on the day's wall clock, end at most 1440.

    Where the clocks repeat minutes, `second_time` puts the block into their second run. A block that reaches
    beyond the repeated minutes on both sides holds both runs.
    """

    start_minute: int
    end_minute: int
    kind: Kind
    label: str = ""
    second_time: bool = False


@dataclass(frozen=True, slots=True)
class DayColumn:
    """One date: its blocks, whether and why (`note`) it is off, and minutes that its clock skips or repeats."""

    date: date
    blocks: tuple[Block, ...] = ()
    off: bool = False
    note: str = ""
    skipped: tuple[tuple[int, int], ...] = ()
    repeated: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class WeekPicture:
    """Seven days on a zone's wall clock; `now` is a date and minute there, `legend` names free and booked time."""

    days: tuple[DayColumn, ...]
    zone: str
    now: tuple[date, int] | None
    legend: tuple[str, str] = ("free", "booked")


def draw(week: WeekPicture) -> bytes:
    """The week as a PNG, `WIDTH` wide and as high as its hours need: an opaque card with round corners."""
    from cogs.images import week_image  # Pillow is loaded with the first picture

    return week_image.draw(week)


def in_words(week: WeekPicture) -> str:
    """The same week for people who hear it; of a full week as many days as fit into `ALT_TEXT_LIMIT`."""
    days = [_day_in_words(day, week.legend) for day in week.days]
    for count in range(len(days), 0, -1):
        said = "; ".join(days if count == len(days) else [*days[:count], "…"])
        if len(said) <= ALT_TEXT_LIMIT:
            return said
    # A first day that is too long by itself ends with the last of its blocks that fits.
    return days[0][:ALT_TEXT_LIMIT].rsplit(", ", 1)[0]


def _day_in_words(day: DayColumn, legend: tuple[str, str]) -> str:
    parts: list[str] = []
    if day.off:
        parts.append(f"day off ({day.note})" if day.note else "day off")
    parts += [f"no {_span(*minutes)}" for minutes in day.skipped]
    parts += [f"{_span(*minutes)} twice" for minutes in day.repeated]
    for block in sorted(day.blocks, key=lambda block: (block.kind.value, block.start_minute, block.second_time)):
        again = " the second time" if block.second_time else ""
        name = f" ({block.label})" if block.label else ""
        parts.append(f"{_span(block.start_minute, block.end_minute)}{again} {legend[block.kind.value]}{name}")
    return f"{day.date:%a} {day_and_month(day.date)}: {', '.join(parts) or 'no hours'}"


def _span(start: int, end: int) -> str:
    return f"{clock(start)}-{clock(end)}"


def clock(minute: int) -> str:
    """A minute of the day as clocks show it."""
    return f"{minute // 60:02}:{minute % 60:02}"


def day_and_month(day: date) -> str:
    """A date as it is written in the picture."""
    return f"{day.day} {day:%b}"
