"""The time: where it comes from and how Discord writes it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present instant, aware, in UTC."""


def utc_now() -> datetime:
    """The machine's present instant."""
    return datetime.now(UTC)


def stamp(at: datetime, style: str = "F") -> str:
    """Discord's notation for an instant, which every reader sees in their own zone and language.

    Styles: https://discord.com/developers/docs/reference#message-formatting-timestamp-styles
    """
    return f"<t:{int(at.timestamp())}:{style}>"
