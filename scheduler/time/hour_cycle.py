"""Clock times as people's languages write them: "14:30" or "2:30 PM"."""

from datetime import datetime
from enum import Enum

_TWELVE_HOURS = frozenset({"en-US", "es-419", "hi", "ko", "el", "zh-TW"})
"""Discord's languages that write times in 12 hours, by CLDR."""
_NOON = 12 * 60


class HourCycle(Enum):
    """Whether clocks count to 12 or to 24. Named as in CLDR and ECMA-402."""

    H12 = "h12"
    H23 = "h23"

    @classmethod
    def of(cls, language: str | None) -> "HourCycle":
        """Return what this language of Discord's uses. Unknown ones use 24 hours."""
        return cls.H12 if language in _TWELVE_HOURS else cls.H23

    def clock(self, local: datetime) -> str:
        """Write the time of a local date and time."""
        return self.minute(local.hour * 60 + local.minute)

    def minute(self, minute: int) -> str:
        """Write a minute of the day, from 0 to 1440: "24:00" or "12:00 AM"."""
        if self is HourCycle.H23:
            return f"{minute // 60:02}:{minute % 60:02}"
        return f"{_hour(minute)}:{minute % 60:02} {_half(minute)}"

    def short(self, minute: int) -> str:
        """Write it as short as it can be: "14:00", "2 PM" or "2:30 PM"."""
        if self is HourCycle.H23 or minute % 60:
            return self.minute(minute)
        return f"{_hour(minute)} {_half(minute)}"

    def span(self, start: int, end: int) -> str:
        """Write a stretch of the day: "09:00–12:00", "9 AM–12 PM", or "all day" where both ends look the same."""
        if self is HourCycle.H12 and (start, end) == (0, 2 * _NOON):
            return "all day"
        return f"{self.short(start)}–{self.short(end)}"


def _hour(minute: int) -> int:
    return minute // 60 % 12 or 12


def _half(minute: int) -> str:
    return "PM" if minute % (2 * _NOON) >= _NOON else "AM"
