"""Weekly hours as people type them: "Mon-Fri" and "9-12, 13:30-17"."""

import re
from collections.abc import Iterable

from scheduler.errors import Unreadable
from scheduler.intervals import Interval, union

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PRESETS = {"Morning": (8 * 60, 12 * 60), "Afternoon": (12 * 60, 17 * 60), "Evening": (17 * 60, 21 * 60)}
"""Name → minutes of the day, half-open."""

_DAY = 24 * 60
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_GROUPS = {
    "every day": range(7),
    "everyday": range(7),
    "daily": range(7),
    "all": range(7),
    "weekdays": range(5),
    "weekday": range(5),
    "weekends": range(5, 7),
    "weekend": range(5, 7),
}
_CLOSED = {"closed", "none", "off", "-", "no"}
_AROUND = {"24h", "24 h", "all day", "24/7"}
_DASHES = re.compile(r"\s*(?:-|–|—|\bto\b|\buntil\b|\btill\b)\s*", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm|a\.m\.|p\.m\.)?", re.IGNORECASE)


def parse_days(text: str) -> list[int]:
    """Weekdays named in `text`, Monday 0, sorted: "Mon-Fri", "tue, thu", "weekends", "Sat-Mon".

    Raises Unreadable with the part that was not understood.
    """
    found: set[int] = set()
    for part in _parts(text):
        if part.lower() in _GROUPS:
            found.update(_GROUPS[part.lower()])
            continue
        first, *rest = (_weekday(name, part) for name in _DASHES.split(part))
        if len(rest) > 1:
            raise Unreadable(_days_help(part))
        last = rest[0] if rest else first
        found.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    if not found:
        raise Unreadable(_days_help(text))
    return sorted(found)


def parse_hours(text: str) -> list[Interval]:
    """Windows of one day in `text`, as sorted half-open minutes of the day: "9-12, 13:30-17", "9am–5pm".

    "closed" is no window, "24h" the whole day, 24:00 a day's end. Windows that overlap or touch become one.
    Raises Unreadable with the part that was not understood and the reason.
    """
    windows: list[Interval] = []
    parts = _parts(text)
    if not parts:
        raise Unreadable(_hours_help(text))
    for part in parts:
        if part.lower() in _AROUND:
            windows.append(Interval(0, _DAY))
        elif part.lower() not in _CLOSED:
            windows.append(_window(part))
        elif len(parts) > 1:
            raise Unreadable(f'"{part[:60]}" and other hours contradict each other. Type either of them.')
    return union(windows)


def write_hours(windows: Iterable[tuple[int, int]]) -> str:
    """The windows as `parse_hours` reads them back: "09:00–12:00, 13:30–17:00", or "closed"."""
    return ", ".join(f"{_clock(start)}–{_clock(end)}" for start, end in windows) or "closed"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _window(part: str) -> Interval:
    ends = _DASHES.split(part)
    if len(ends) != 2:
        raise Unreadable(_hours_help(part))
    (start, start_half), (end, end_half) = (_minute(text, part) for text in ends)
    if end_half == "p" and start_half is None and start < 12 * 60 and start + 12 * 60 < end:
        start += 12 * 60  # "1-5pm" means the afternoon
    if end == 0 and start > 0:
        end = _DAY  # "20:00-0:00" ends at midnight
    if start >= end:
        raise Unreadable(
            f'"{part[:60]}" ends before it starts. Hours past midnight belong to the next day: '
            'type "22-24" on the one day and "0-2" on the other.'
        )
    return Interval(start, end)


def _minute(text: str, part: str) -> tuple[int, str | None]:
    """Minute of the day, and "a" or "p" where half a day was named."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise Unreadable(_hours_help(part))
    hour, minute = int(match[1]), int(match[2] or 0)
    half = match[3][0].lower() if match[3] else None
    if half is not None:
        if not 1 <= hour <= 12:
            raise Unreadable(f'"{text.strip()[:60]}" is no time: with am or pm the hour is 1 to 12.')
        hour = hour % 12 + (12 if half == "p" else 0)
    if minute > 59 or hour * 60 + minute > _DAY:
        raise Unreadable(f'"{text.strip()[:60]}" is no time of day. Type hours from 0:00 to 24:00.')
    return hour * 60 + minute, half


def _weekday(name: str, part: str) -> int:
    typed = name.strip().lower().rstrip(".s" if len(name.strip()) > 4 else ".")
    matches = [day for day, full in enumerate(_NAMES) if len(typed) >= 2 and full.startswith(typed)]
    if len(matches) != 1:
        raise Unreadable(_days_help(part))
    return matches[0]


def _parts(text: str) -> list[str]:
    # White space is folded first: the patterns would look at a long run of it again and again.
    lines = "\n".join(" ".join(line.split()) for line in text.splitlines())
    return [part.strip() for part in re.split(r"[,;&\n]|\band\b", lines) if part.strip()]


def _days_help(part: str) -> str:
    return f'I cannot read "{part[:60]}" as days. Type them like "Mon-Fri", "Tue, Thu" or "weekends".'


def _hours_help(part: str) -> str:
    return f'I cannot read "{part[:60]}" as hours. Type them like "9-12, 13:30-17", "9am-5pm" or "closed".'
