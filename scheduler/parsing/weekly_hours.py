"""Read weekly hours as people type them ("Mon-Fri", "9-12, 13:30-17") and presets ("Morning 8-12")."""

import re
from collections.abc import Collection, Iterable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from scheduler.core.errors import Unreadable
from scheduler.parsing.lists import any_of, read_each
from scheduler.parsing.typed_text import hour_of_day
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.intervals import Interval, union

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MOST_PRESETS = 5
LONGEST_PRESET_NAME = 20

_DAY = 24 * 60
_NOON = 12 * 60
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
_CLOSED = {"closed", "none", "off", "day off", "unavailable", "not available", "n/a", "-", "no"}
_ALL_DAY = {"24h", "24 h", "24 hours", "all day", "all day long", "the whole day", "whole day", "anytime", "24/7"}
_SEPARATORS = re.compile(r"[,;&+|/\n，；、]|\band\b", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween ([^\n,;]{1,20}?) and\b", re.IGNORECASE)
"""The one "and" that isn't a separator. The bounded length keeps long texts from being scanned repeatedly."""

_DASH = r"[-–—−‐‑－~〜]|\bto\b|\buntil\b|\btill?\b"
_DASHES = re.compile(rf"\s*(?:{_DASH})\s*", re.IGNORECASE)
_TIME = (
    r"(?:12 ?)?(?P<word>noon|midday|midnight)\b"
    r"|(?P<hour>\d{1,2})(?:[:h.：](?P<minute>\d\d)|(?P<compact>\d\d))?"
    r"(?: ?(?P<h>h)\b| ?o['’]?clock\b)?"
    r"(?: ?(?P<half>[ap])(?:\.? ?m)?\b\.?)?"
    r"(?!\w|[:.：]\d)"
)
_TOKEN = re.compile(rf" ?(?:(?P<time>{_TIME})|(?P<dash>{_DASH}))", re.IGNORECASE)
_PRESET_ENDS = re.compile(r"[;\r\n]")
_LONGEST_LINE = 100


class Preset(NamedTuple):
    """Named hours that a button can set. Minutes of the day, half-open."""

    name: str
    start_minute: int
    end_minute: int


class _NotHours(Unreadable):
    """Raised for text that isn't even shaped like hours."""


class _Time(NamedTuple):
    minute: int
    half: str | None
    """ "a" or "p" if am, pm, noon or midnight was typed."""
    ambiguous: bool
    """Whether it could also mean the other half of the day."""

    @property
    def is_24_hour(self) -> bool:
        """Whether it's clearly a 24-hour time."""
        return self.half is None and not self.ambiguous


class _Window(NamedTuple):
    hours: Interval
    typed: str
    later: Interval | None
    """The same hours twelve hours later, if they could be in either half of the day."""
    is_24_hour: bool


def parse_days(text: str) -> list[int]:
    """Read weekdays (Monday is 0), sorted: "Mon-Fri", "tue, thu", "weekends", "Sat-Mon".

    Raises Unreadable, quoting the parts it can't read.
    """
    found = {day for days in read_each(_parts(text), _days) for day in days}
    if not found:
        raise Unreadable(_days_help(text))
    return sorted(found)


def parse_hours(text: str) -> list[Interval]:
    """Read one day's hours as sorted, half-open minutes of the day: "9-12, 13:30-17", "9 am to noon".

    Times are on the 24-hour clock unless am, pm or noon is next to them: "1-5pm" and "noon-5" are afternoons.
    Hours that could be in either half of the day are refused, naming both: "9-5", "8-12am", "9-12, 1-5". "closed"
    means no hours, "24h" the whole day, and 24:00 and "midnight" the end of the day. Overlapping and touching
    windows are merged. Raises Unreadable, quoting the parts it can't read and why.
    """
    whole = " ".join(text.split())
    # "24/7" and "n/a" contain a separator.
    parts = [whole] if whole.lower() in _CLOSED | _ALL_DAY else _parts(text)
    if not parts:
        raise _NotHours(_hours_help(text))
    read = read_each(parts, partial(_windows, is_alone=len(parts) == 1))
    windows = [window for part in read for window in part]
    _require_ascending(windows)
    return union(window.hours for window in windows)


def write_days(days: Collection[int]) -> str:
    """Write weekdays (Monday is 0) that `parse_days` reads back: "Mon–Fri, Sun". Two in a row stay "Sat, Sun"."""
    runs: list[list[int]] = []
    for day in sorted(set(days)):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    short = (f"{WEEKDAYS[run[0]]}–{WEEKDAYS[run[-1]]}" if len(run) > 2 else _names(run) for run in runs)
    return ", ".join(short)


def _names(days: Iterable[int]) -> str:
    return ", ".join(WEEKDAYS[day] for day in days)


def write_hours(windows: Iterable[tuple[int, int]], cycle: HourCycle = HourCycle.H23) -> str:
    """Write windows that `parse_hours` reads back: "09:00–12:00, 13:30–17:00" or "closed"."""
    return ", ".join(cycle.span(start, end) for start, end in windows) or "closed"


def parse_presets(text: str) -> list[Preset]:
    """Read presets like "Morning 8-12", one per line or separated by semicolons.

    Raises Unreadable unless there are 1 to `MOST_PRESETS`, each with one window (see `parse_hours`) and a name of
    its own, ignoring case, of at most `LONGEST_PRESET_NAME` characters.
    """
    lines = [" ".join(line.split()) for line in _PRESET_ENDS.split(text) if line.strip()]
    count = f'You typed {len(lines)} presets. Type 1 to {MOST_PRESETS}, one per line, like "Morning 8-12".'
    seen: set[str] = set()
    return read_each(lines, partial(_new_preset, seen), *([] if 1 <= len(lines) <= MOST_PRESETS else [count]))


def write_presets(presets: Iterable[Preset], cycle: HourCycle = HourCycle.H23) -> str:
    """Write presets that `parse_presets` reads back, one per line: "Morning 08:00–12:00"."""
    return "\n".join(f"{one.name} {write_hours([(one.start_minute, one.end_minute)], cycle)}" for one in presets)


def _days(part: str) -> Iterable[int]:
    """Read one part: a day, a group, or a range that can wrap around the week."""
    if part.lower() in _GROUPS:
        return _GROUPS[part.lower()]
    first, *rest = (_weekday(name, part) for name in _DASHES.split(part))
    if len(rest) > 1:
        raise Unreadable(_days_help(part))
    last = rest[0] if rest else first
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def _windows(part: str, *, is_alone: bool) -> list[_Window]:
    """Read the windows of one part. "closed" has none, but must be alone."""
    if part.lower() in _ALL_DAY:
        return [_Window(Interval(0, _DAY), part, None, is_24_hour=False)]
    if part.lower() not in _CLOSED:
        return _ranges(part)
    if not is_alone:
        raise Unreadable(f'"{part[:60]}" contradicts the other hours. Type one or the other.')
    return []


def _ranges(part: str) -> list[_Window]:
    """Read windows that can be separated by spaces alone: "9-12 13-17"."""
    typed = part.rstrip(" .")
    at = len("from ") if typed.lower().startswith("from ") else 0
    tokens: list[re.Match[str]] = []
    while at < len(typed):
        token = _TOKEN.match(typed, at)
        if token is None:
            raise _NotHours(_hours_help(part))
        tokens.append(token)
        at = token.end()
    pairs = len(tokens) // 3
    if not pairs or [bool(token["dash"]) for token in tokens] != [False, True, False] * pairs:
        raise _NotHours(_hours_help(part))
    return [
        _window(
            _time(start, part, midnight=0),
            _time(end, part, midnight=_DAY),
            part if pairs == 1 else typed[start.start() : end.end()].strip(),
        )
        for start, end in zip(tokens[::3], tokens[2::3], strict=True)
    ]


def _window(start: _Time, end: _Time, typed: str) -> _Window:
    by_24_hours = start.is_24_hour or end.is_24_hour
    if start.ambiguous != end.ambiguous and (start.half or end.half):
        return _Window(_window_with_half(start, end, typed), typed, None, by_24_hours)
    first, last = start.minute, end.minute
    if last == 0 and first > 0:
        last = _DAY  # "20:00-0:00" ends at midnight
    hours, later = Interval(first, last), Interval(first + _NOON, last + _NOON)
    if first >= last:
        raise _backwards(typed, start, end)
    return _Window(
        hours, typed, later if start.ambiguous and end.ambiguous and later.end <= _DAY else None, by_24_hours
    )


def _window_with_half(start: _Time, end: _Time, typed: str) -> Interval:
    """Read a window in which only one time has am or pm. Raises Unreadable if it's ambiguous."""
    starts = [start.minute % _NOON, start.minute % _NOON + _NOON] if start.ambiguous else [start.minute]
    ends = [end.minute % _NOON, end.minute % _NOON + _NOON] if end.ambiguous else [end.minute]
    ends = [minute or _DAY for minute in ends]
    found = sorted({Interval(first, last) for first in starts for last in ends if first < last})
    if not found:
        raise _backwards(typed, start, end)
    twelve = start.minute % _NOON < 60 and end.minute % _NOON < 60
    if len(found) == 1 and twelve:
        found.append(Interval(found[0].start + _NOON, _DAY))  # "12-12pm" is half a day, but which?
    elif len(found) == 1:
        return found[0]
    elif end.half == "p":
        return found[1]  # "1-5pm" means the afternoon
    elif end.ambiguous and not twelve:
        return found[0]  # "9am-11" means the morning
    raise _ambiguous(typed, *found)  # "8-12am" is 4 or 16 hours, "12am-12" 12 or 24


def _require_ascending(windows: list[_Window]) -> None:
    """Refuse "9-12, 1-5", which hardly means 1 am unless other times are clearly on the 24-hour clock."""
    if any(window.is_24_hour for window in windows):
        return
    for earlier, window in pairwise(windows):
        if window.later is not None and window.hours.start < earlier.hours.start:
            raise _ambiguous(window.typed, window.hours, window.later)


def _ambiguous(typed: str, *meant: Interval) -> Unreadable:
    either = any_of(write_hours([one]) for one in meant)
    return Unreadable(f'"{typed[:60]}" could mean {either}. Type the one you mean.')


def _backwards(typed: str, start: _Time, end: _Time) -> Unreadable:
    instead = ""
    if start.ambiguous and end.ambiguous and start.minute < end.minute + _NOON <= _DAY:
        instead = f'If it ends after noon, type "{write_hours([(start.minute, end.minute + _NOON)])}". '
    return Unreadable(
        f'"{typed[:60]}" ends before it starts. {instead}For hours past midnight, '
        'type "22-24" on one day and "0-2" on the next.'
    )


def _time(token: re.Match[str], part: str, *, midnight: int) -> _Time:
    typed, half = token["time"], token["half"]
    if word := token["word"]:
        return (
            _Time(midnight, "a", ambiguous=False)
            if word.lower() == "midnight"
            else _Time(_NOON, "p", ambiguous=False)
        )
    hour, minute = int(token["hour"]), int(token["minute"] or token["compact"] or 0)
    if token["compact"] and len(token["hour"]) == 1 and minute % 5:
        raise _NotHours(_hours_help(part))  # "930" is half past nine, but "123" is a typo
    bare = not half and 1 <= hour <= 12 and not typed.startswith("0") and "h" not in typed.lower()
    if half:
        half = half.lower()
        hour = hour_of_day(hour, half, typed)
    if minute > 59 or hour * 60 + minute > _DAY:
        raise Unreadable(f'"{typed}" isn\'t a time. Type one from 0:00 to 24:00.')
    return _Time(hour * 60 + minute, half, bare)


def _new_preset(names: set[str], line: str) -> Preset:
    """Read a preset, and add its name to those it must not have."""
    preset = _preset(line)
    if preset.name.casefold() in names:
        raise Unreadable(f'Two presets are called "{preset.name}". Rename one of them.')
    names.add(preset.name.casefold())
    return preset


def _preset(line: str) -> Preset:
    if len(line) <= _LONGEST_LINE:
        preset = _read_preset(line)
        # A name that looks like hours would be read as hours next time.
        if preset is not None and _read_preset(write_presets([preset])) == preset:
            return preset
    raise Unreadable(f'I can\'t read "{line[:60]}" as a preset. Type a name and its hours, like "Morning 8-12".')


def _read_preset(line: str) -> Preset | None:
    """Read a preset: its hours start at the first word from which the rest of the line reads as hours."""
    words = line.split(" ")
    for cut in range(1, len(words)):
        try:
            windows = parse_hours(" ".join(words[cut:]))
        except _NotHours:
            continue
        name = " ".join(words[:cut]).rstrip(" :=,-–—")
        if not 1 <= len(name) <= LONGEST_PRESET_NAME or not name.isprintable():
            raise Unreadable(
                f"\"{name[:60]}\" can't be a preset's name. Type 1 to {LONGEST_PRESET_NAME} characters."
            )
        if len(windows) != 1:
            raise Unreadable(
                f'"{line[:60]}" isn\'t a single range of hours. Type a name and one range, like "Morning 8-12".'
            )
        return Preset(name, *windows[0])
    return None


def _weekday(name: str, part: str) -> int:
    typed = name.strip().lower().rstrip(".s" if len(name.strip()) > 4 else ".")
    matches = [day for day, full in enumerate(_NAMES) if len(typed) >= 2 and full.startswith(typed)]
    if len(matches) != 1:
        raise Unreadable(_days_help(part))
    return matches[0]


def _parts(text: str) -> list[str]:
    # Fold whitespace first, so the patterns don't rescan long runs of it.
    lines = "\n".join(" ".join(line.split()) for line in text.splitlines())
    return [part.strip() for part in _SEPARATORS.split(_BETWEEN.sub(r"\1 to", lines)) if part.strip()]


def _days_help(part: str) -> str:
    return f'I can\'t read "{part[:60]}" as days. Type them like "Mon-Fri", "Tue, Thu" or "weekends".'


def _hours_help(part: str) -> str:
    return f'I can\'t read "{part[:60]}" as hours. Type them like "9-12, 13:30-17", "9am-5pm" or "closed".'
