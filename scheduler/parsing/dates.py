"""Read dates and times as people type them: "24 Dec", "next friday", "tomorrow 9:30"."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from scheduler.core.errors import Unreadable
from scheduler.parsing.typed_text import hour_of_day, normalized, quoted

if TYPE_CHECKING:
    from dateutil.parser import parserinfo

_YEARS_BACK, _YEARS_AHEAD = 1, 5
_HALF_A_YEAR = timedelta(days=183)
_LONGEST = 60
"""Longer texts are refused unread."""

_NAMED = {"today": 0, "tomorrow": 1, "yesterday": -1, "day after tomorrow": 2, "the day after tomorrow": 2}
_COUNTS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_IN = re.compile(r"in ([0-9]{1,4}|[a-z]+) (day|week|month)s?")
_WEEKDAY = re.compile(r"(?:(this|next) )?([a-z]+)")
_ORDINAL = re.compile(r"(?<=[0-9])(?:st|nd|rd|th)\b")
_TOKEN = re.compile(r"[a-z]+|[0-9]+|[^a-z0-9]")
_BETWEEN_TOKENS = {" ", ",", ".", "-", "'", "’", "the", "of"}
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_DOTTED = re.compile(r"([0-9]{1,2})\. ?([0-9]{1,2})(?:\. ?([0-9]{4}|[0-9]{2})|\.?)")
_DAY_OR_MONTH_FIRST = re.compile(r"([0-9]{1,2})([-/])([0-9]{1,2})(?:\2([0-9]{4}|[0-9]{2}))?")
_ISO_MOMENT = re.compile(r"(?<=[0-9]-[0-9]{2})t(?=[0-9])")
_CLOCK = re.compile(
    r"(?<![0-9a-z:.+-])"
    r"(?:(?:12 ?)?(noon|midday)|([0-9]{1,2})(?:[:h.]([0-9]{2})|h)?(?: ?([ap])(?:\.m\.|m\b\.?))?)"
    r"(?![0-9a-z:.+])"
)
_SHAPES = {"dm": (0, 1, None), "md": (1, 0, None)}
_SHAPES |= {"dmy": (0, 1, 2), "mdy": (1, 0, 2), "ymd": (2, 1, 0), "dmd": (0, 1, 2), "mdd": (1, 0, 2)}
"""Sequence of token kinds → positions of the day, the month and the year."""

_SPELLINGS = {"tues": "tue", "weds": "wed", "thur": "thu", "thurs": "thu"}
"""Short names of weekdays that dateutil doesn't know."""


def parse_date(text: str, *, today: date, since: date | None = None) -> date:
    """Return the date someone means by typing `text` on `today`.

    Without a year, it's the next such date on or after `since` (default: today). "friday" and "this friday" mean
    the next Friday, or today if it's Friday; "next friday" is in the next week, which starts on Monday. "in 2
    weeks" counts from today. With dots, the day comes before the month. Raises Unreadable if anything else is in
    `text` (a time, say), if day and month could be swapped ("03/04"), if the date doesn't exist, or if it's more
    than one year ago or five years ahead.
    """
    typed = normalized(text).removeprefix("on ")
    day = None
    if len(typed) <= _LONGEST:
        day = _relative(typed, today) or _numeric(typed, since or today) or _with_month_name(typed, since or today)
    if day is None:
        raise Unreadable(
            f'I can\'t read "{quoted(text)}" as a date. '
            f'Type one like "24 Dec", "{today.year + 1}-01-31", "friday" or "in 2 weeks".'
        )
    first, last = _later(today, years=-_YEARS_BACK), _later(today, years=_YEARS_AHEAD)
    if not first <= day <= last:
        raise Unreadable(
            f"{write_date(day)} is too far away. Type a date from {write_date(first)} to {write_date(last)}."
        )
    return day


def parse_last_date(text: str, *, first: date, today: date) -> date:
    """Return the last date of a range that starts on `first`. Raises like `parse_date`.

    Without a year, it's the next such date after `first` if that's within half a year: from 24 December, "6 Jan"
    means January. Otherwise it's in the year of `first`, so "20 Dec" comes out before `first`, as the mistake it
    is.
    """
    last = parse_date(text, today=today, since=first)
    if last - first <= _HALF_A_YEAR:
        return last
    return parse_date(text, today=today, since=first.replace(month=1, day=1))


def parse_moment(text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant (UTC) for text like "tue 14:00", "24 Dec 2pm" or "14:00", on the clocks of `zone`.

    The date can come before or after the time, and is read like in `parse_date`. Without a date, it's the next
    such time after `now`; a weekday whose time has passed means next week's. Other dates can be in the past. If
    the clocks show the time twice, it's the first one. Raises Unreadable like `parse_date`, if there's no time of
    day, or if the clocks skip it on that date.
    """
    today = now.astimezone(zone).date()
    typed = _ISO_MOMENT.sub(" ", normalized(text)).removeprefix("at ")
    match = _time_in(typed)
    if match is None:
        raise Unreadable(
            f'I can\'t read "{quoted(text)}" as a date and time. '
            'Type one like "tue 14:00", "24 Dec 2pm" or "tomorrow 9:30".'
        )
    clock = _clock(match)
    before, after = typed[: match.start()].rstrip(" ,@"), typed[match.end() :].lstrip(" ,")
    rest = (before.removesuffix(" at") or after).removeprefix("on ")
    moment = _on_clocks(parse_date(rest, today=today) if rest else today, clock, zone)
    if moment <= now and not rest:
        return _on_clocks(today + timedelta(days=1), clock, zone)
    if moment <= now and _weekday(rest, today):
        return _on_clocks(today + timedelta(days=7), clock, zone)
    return moment


def parse_clock(text: str) -> int:
    """Return the minute of the day for text like "14:00", "14", "2pm" or "noon". Raises Unreadable."""
    match = _CLOCK.fullmatch(normalized(text).removeprefix("at "))
    if match is None:
        raise Unreadable(f'I can\'t read "{quoted(text)}" as a time. Type one like "14:00" or "2pm".')
    clock = _clock(match)
    return clock.hour * 60 + clock.minute


def write_date(day: date) -> str:
    """Write the date in a form that `parse_date` reads back: "Thursday, 24 December 2026"."""
    weekday = _english().WEEKDAYS[day.weekday()][-1]
    return f"{weekday}, {day.day} {_month_name(day.month)} {day.year}"


def write_dates(first: date, last: date) -> str:
    """Write a range of dates (both ends included), or a single date if they're equal."""
    return write_date(first) if first == last else f"{write_date(first)} – {write_date(last)}"


@cache
def _english() -> "parserinfo":
    """Names of months and weekdays only: `dateutil.parser.parse` guesses, reading "32 Dec" as a day in 2032."""
    from dateutil.parser import parserinfo  # imported late, like below: 0.6 MB that the bot needs for dates only

    return parserinfo()


def _month_name(month: int) -> str:
    return _english().MONTHS[month - 1][-1]


def _later(day: date, *, years: int = 0, months: int = 0) -> date:
    from dateutil.relativedelta import relativedelta

    return day + relativedelta(years=years, months=months)


def _relative(typed: str, today: date) -> date | None:
    if typed in _NAMED:
        return today + timedelta(days=_NAMED[typed])
    match = _IN.fullmatch(typed)
    if match is None:
        return _weekday(typed, today)
    word = match[1]
    if word.isdecimal():
        count = int(word)
    elif word in _COUNTS:
        count = _COUNTS.index(word)
    elif word in ("a", "an"):
        count = 1
    else:
        return None
    if match[2] == "month":
        return _later(today, months=count)
    return today + count * (timedelta(days=1) if match[2] == "day" else timedelta(weeks=1))


def _weekday(typed: str, today: date) -> date | None:
    match = _WEEKDAY.fullmatch(typed)
    weekday = _weekday_number(match[2]) if match else None
    if match is None or weekday is None:
        return None
    if match[1] == "next":
        return today + timedelta(days=7 - today.weekday() + weekday)
    return today + timedelta(days=(weekday - today.weekday()) % 7)


def _weekday_number(name: str) -> int | None:
    return _english().weekday(_SPELLINGS.get(name, name))


def _numeric(typed: str, today: date) -> date | None:
    if match := _YEAR_FIRST.fullmatch(typed):
        return _day(typed, match[1], int(match[3]), int(match[4]), today)
    if match := _DOTTED.fullmatch(typed):
        return _day(typed, match[3], int(match[2]), int(match[1]), today)
    match = _DAY_OR_MONTH_FIRST.fullmatch(typed)
    if match is None:
        return None
    day, month = int(match[1]), int(match[3])
    if day != month and 1 <= day <= 12 and 1 <= month <= 12:
        raise Unreadable(
            f'"{typed}" could be {day} {_month_name(month)[:3]} or {month} {_month_name(day)[:3]}. '
            f'Type it like "{day} {_month_name(month)[:3]}" or "{today.year}-{month:02}-{day:02}".'
        )
    if month > 12:
        day, month = month, day
    return _day(typed, match[4], month, day, today)


def _with_month_name(typed: str, today: date) -> date | None:
    """Read a date that names its month."""
    tokens = [token for token in _TOKEN.findall(_ORDINAL.sub("", typed)) if token not in _BETWEEN_TOKENS]
    kinds = "".join(_kind(token) for token in tokens)
    words = [token for token, kind in zip(tokens, kinds, strict=True) if kind != "w"]
    places = _SHAPES.get(kinds.replace("w", "", 1))
    if places is None or typed[0] == "-" or typed[-1] == "-":
        return None
    day, month, year = places
    number = _english().month(words[month]) or 0
    found = _day(typed, None if year is None else words[year], number, int(words[day]), today)
    if "w" in kinds and found.weekday() != _weekday_number(tokens[kinds.index("w")]):
        raise Unreadable(f"That date is {write_date(found)}. Correct the weekday or leave it out.")
    return found


def _kind(token: str) -> str:
    if _english().month(token) is not None:
        return "m"
    if _weekday_number(token) is not None:
        return "w"
    if token.isdecimal():
        return {1: "d", 2: "d", 4: "y"}.get(len(token), "?")
    return "?"


def _day(typed: str, year: str | None, month: int, day: int, today: date) -> date:
    """Return the date, or without a year the next such date."""
    # Leap years are up to eight years apart (1896 and 1904).
    years = range(today.year, today.year + 9) if year is None else [_full_year(year, today)]
    for candidate in years:
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year is not None or found >= today:
            return found
    raise Unreadable(f'There\'s no date "{typed[:60]}". Type one that exists, like "24 Dec".')


def _full_year(year: str, today: date) -> int:
    """Return the year. Two digits mean the closest year that ends in them."""
    return int(year) if len(year) == 4 else today.year - 50 + (int(year) - today.year + 50) % 100


def _time_in(typed: str) -> re.Match[str] | None:
    """Return the only time of day in the text, if it's at the start or end."""
    times = [match for match in _CLOCK.finditer(typed) if _is_time(match)]
    if len(times) != 1 or (times[0].start() > 0 and times[0].end() < len(typed)):
        return None
    return times[0]


def _is_time(match: re.Match[str]) -> bool:
    """Return whether this can only be a time: "14:00", "14h", "2pm" or "2.30 pm", but not "14" or "2.30"."""
    return bool(match[1] or match[4] or ":" in match[0] or "h" in match[0])


def _clock(match: re.Match[str]) -> time:
    if match[1]:
        return time(12)
    hour, minute, half = int(match[2]), int(match[3] or 0), match[4]
    if half:
        hour = hour_of_day(hour, half, match[0])
    if hour > 23 or minute > 59:
        raise Unreadable(f'"{match[0]}" isn\'t a time. Type one from 0:00 to 23:59.')
    return time(hour, minute)


def _on_clocks(day: date, clock: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, clock, tzinfo=zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise Unreadable(
            f"The clocks in {zone} skip {clock:%H:%M} on {write_date(day)}. Type an earlier or later time."
        )
    return moment
