"""The current time, and Discord's timestamps."""

from collections.abc import Callable
from datetime import UTC, datetime

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
