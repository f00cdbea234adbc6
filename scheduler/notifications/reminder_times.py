"""How long before a session people are reminded of it; pure."""

import re
from collections.abc import Sequence
from datetime import timedelta

from models import Guild
from scheduler.core.errors import Unreadable
from scheduler.parsing.durations import parse_length, write_length

FIRST_REMINDERS = (timedelta(hours=24), timedelta(hours=1))
"""When people are reminded until the server's admins say otherwise."""
MOST_REMINDERS = 5
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=14)
TOO_SOON = timedelta(minutes=5)
"""A reminder that would be due so soon after the booking says nothing new."""

_NONE = {"none", "no", "nothing", "off"}
_SEPARATORS = re.compile(r"[,;/\n]|\band\b")


def reminder_times(guild: Guild) -> list[timedelta]:
    """How long before the start people are reminded in this server, longest first; may be none at all."""
    if guild.reminder_minutes is None:
        return list(FIRST_REMINDERS)
    return [timedelta(minutes=minutes) for minutes in guild.reminder_minutes]


def parse_reminder_times(text: str) -> list[int]:
    """The times in `text` in minutes, longest first and each once: "24h, 1h", "2 days and 90 min", "none".

    Raises Unreadable if one is no length or outside `SHORTEST` to `LONGEST`, or if there are more than
    `MOST_REMINDERS`.
    """
    if text.strip().casefold() in _NONE:
        return []
    parts = [part for part in map(str.strip, _SEPARATORS.split(text.casefold())) if part]
    lengths = {parse_length(part, unit="hours") for part in parts}
    if not lengths or not all(SHORTEST <= length <= LONGEST for length in lengths):
        raise Unreadable(
            f"Reminders go out from {write_length(SHORTEST)} to {write_length(LONGEST)} before a session. "
            'Type the times like "24h, 1h", or "none".'
        )
    if len(lengths) > MOST_REMINDERS:
        raise Unreadable(f"There are {len(lengths)} times. Type at most {MOST_REMINDERS}, longest first.")
    return [length // timedelta(minutes=1) for length in sorted(lengths, reverse=True)]


def write_reminder_times(times: Sequence[timedelta]) -> str:
    """The times as `parse_reminder_times` reads them back: "1 day, 1 hour", or "none"."""
    return ", ".join(map(write_length, times)) or "none"
