"""Read lengths of time as people type them: "90 min", "1h30", "2 days"."""

import re
from datetime import timedelta
from fractions import Fraction
from typing import Literal

from scheduler.core.errors import Unreadable
from scheduler.parsing.lists import read_each
from scheduler.parsing.typed_text import normalized, quoted

MOST_LENGTHS = 10
SHORTEST_MINUTES, LONGEST_MINUTES = 5, 720

_LONGEST = timedelta(days=366)
_MINUTES = {"minutes": 1, "hours": 60, "days": 24 * 60, "weeks": 7 * 24 * 60}
_UNITS = {
    "minutes": ("m", "min", "mins", "minute", "minutes"),
    "hours": ("h", "hr", "hrs", "hour", "hours"),
    "days": ("d", "day", "days"),
    "weeks": ("w", "wk", "wks", "week", "weeks"),
}
_MINUTES_OF = {name: _MINUTES[unit] for unit, names in _UNITS.items() for name in names}
_NOTHING = {"none", "no", "nothing"}
_WORDS = {"a": "1", "an": "1", "one": "1", "two": "2", "three": "3", "half an": "0.5", "half a": "0.5"}
_COUNT = re.compile(r"\b(half an?|an?|one|two|three) (?=[a-z])")
_CLOCK = re.compile(r"([0-9]{1,4}):([0-5][0-9])(?: ?(?:h|hours?))?")
# Not three decimals: some people would mean thousands.
_PART = re.compile(r"([0-9]{1,6}(?:[.,][0-9]{1,2})?)(?![0-9.,]?[0-9]) ?([a-z]+)?\.?(?:,? and |, ?| )?")
_SEPARATORS = re.compile(r"[,;/\n]|\band\b")
_BARE_LIST = re.compile(r"[0-9]+(?: [0-9]+)+")


def parse_length(text: str, *, unit: Literal["minutes", "hours", "days"]) -> timedelta:
    """Read a length of time: "2 h", "90 min", "1h30", "1:30" (hours and minutes), "1 day 2 hours", "none".

    A bare number is in `unit`. Raises Unreadable for anything else, parts of a minute, or more than 366 days.
    """
    typed = normalized(text)
    minutes = _minutes(typed, _MINUTES[unit])
    if minutes is None:
        raise Unreadable(
            f'I can\'t read "{quoted(text)}" as a length of time. Type one like "2 hours", "90 min" or "none".'
        )
    if minutes.denominator != 1:
        raise Unreadable(f'"{quoted(text)}" isn\'t a whole number of minutes. Type one like "90 min".')
    if minutes > _LONGEST // timedelta(minutes=1):
        raise Unreadable(f'"{quoted(text)}" is too long. Type at most {write_length(_LONGEST)}.')
    return timedelta(minutes=int(minutes))


def parse_minutes_list(text: str) -> list[int]:
    """Read session lengths in minutes, in order and without duplicates: "60, 30, 90", "30 60", "1h, 45 min".

    Raises Unreadable unless there are 1 to `MOST_LENGTHS`, each from `SHORTEST_MINUTES` to `LONGEST_MINUTES`.
    """
    parts = [part.strip() for part in _SEPARATORS.split("\n".join(map(normalized, text.splitlines())))]
    listed = [one for part in parts if part for one in (part.split() if _BARE_LIST.fullmatch(part) else [part])]
    lengths = list(dict.fromkeys(read_each(listed, _session_minutes)))
    if not 1 <= len(lengths) <= MOST_LENGTHS:
        raise Unreadable(f'You typed {len(lengths)} lengths. Type 1 to {MOST_LENGTHS}, like "30, 60, 90".')
    return lengths


def _session_minutes(text: str) -> int:
    minutes = parse_length(text, unit="minutes") // timedelta(minutes=1)
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        raise Unreadable(
            f'"{quoted(text)}" isn\'t a session length. '
            f"Type lengths from {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes."
        )
    return minutes


def write_length(length: timedelta) -> str:
    """Write a length that `parse_length` reads back: "1 hour 30 minutes" or "none". Seconds are dropped."""
    left = length // timedelta(minutes=1)
    parts: list[str] = []
    for unit in ("days", "hours", "minutes"):
        count, left = divmod(left, _MINUTES[unit])
        if count:
            parts.append(f"{count} {unit if count > 1 else unit.removesuffix('s')}")
    return " ".join(parts) or "none"


def _minutes(typed: str, bare: int) -> Fraction | None:
    if typed in _NOTHING:
        return Fraction(0)
    if match := _CLOCK.fullmatch(typed):
        return Fraction(int(match[1]) * 60 + int(match[2]))
    typed = _COUNT.sub(lambda words: _WORDS[words[1]] + " ", typed)
    total, at, last = Fraction(0), 0, 0
    while at < len(typed):
        match = _PART.match(typed, at)
        size = _size(match, bare, last) if match else None
        if match is None or size is None or (last and size >= last):
            return None
        total += Fraction(match[1].replace(",", ".")) * size
        at, last = match.end(), size
    return total if last else None


def _size(part: re.Match[str], bare: int, last: int) -> int | None:
    """Return the part's unit in minutes. A bare number is in `bare`, or in minutes after hours."""
    if part[2]:
        return _MINUTES_OF.get(part[2])
    if last == 0:
        return bare if part.end() == len(part.string) else None
    return 1 if last == 60 and part.end() == len(part.string) else None
