"""The current time, and Discord's timestamps."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the current time, aware, in UTC."""


def utc_now() -> datetime:
    """Return the machine's current time, aware, in UTC."""
    return datetime.now(UTC)


def stamp(at: datetime, style: str = "F") -> str:
    """Write an instant as a Discord timestamp, which readers see in their own time zone and language.

    Styles: https://discord.com/developers/docs/reference#message-formatting-timestamp-styles
    """
    return f"<t:{int(at.timestamp())}:{style}>"


def last_day(ends_at: datetime) -> str:
    """Write the last day on which something is valid that ends at this instant."""
    return stamp(ends_at - timedelta(minutes=1), "D")
