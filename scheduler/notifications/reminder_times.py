"""The times before a session at which people are reminded."""

import re
from datetime import timedelta

from models import Guild
from scheduler.core.errors import Unreadable
from scheduler.parsing.durations import parse_length, write_length
from scheduler.parsing.lists import read_each
from scheduler.parsing.typed_text import quoted

FIRST_REMINDERS = (timedelta(hours=24), timedelta(hours=1))
"""A new server's reminder times."""
MOST_REMINDERS = 5
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=14)
TOO_SOON = timedelta(minutes=5)
"""Reminders due this soon after booking are skipped, since they say nothing new."""

_NONE = {"none", "no", "nothing", "off"}
_SEPARATORS = re.compile(r"[,;/\n]|\band\b")


def reminder_times(guild: Guild) -> list[timedelta]:
    """List this server's reminder times, longest first. Empty: no reminders."""
    if guild.reminder_minutes is None:
        return list(FIRST_REMINDERS)
    return [timedelta(minutes=minutes) for minutes in guild.reminder_minutes]


def parse_reminder_times(text: str) -> list[int]:
    """Parse "24h, 1h", "2 days and 90 min" or "none" into distinct minutes, longest first.

    Raises Unreadable for anything else, too many times, and times outside `SHORTEST` to `LONGEST`.
    """
    if text.strip().casefold() in _NONE:
        return []
    parts = [part for part in map(str.strip, _SEPARATORS.split(text.casefold())) if part]
    lengths = set(read_each(parts, _reminder_time))
    if not lengths:
        raise Unreadable('Type the times like "24h, 1h", or "none".')
    if len(lengths) > MOST_REMINDERS:
        raise Unreadable(f"There are {len(lengths)} times. Type up to {MOST_REMINDERS}.")
    return [length // timedelta(minutes=1) for length in sorted(lengths, reverse=True)]


def _reminder_time(text: str) -> timedelta:
    length = parse_length(text, unit="hours")
    if not SHORTEST <= length <= LONGEST:
        raise Unreadable(
            f'"{quoted(text)}" isn\'t a reminder time. '
            f"Type times from {write_length(SHORTEST)} to {write_length(LONGEST)} before a session."
        )
    return length
