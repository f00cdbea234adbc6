"""Parts of reading text that several parsers share."""

from scheduler.core.errors import Unreadable


def normalized(text: str) -> str:
    """Lower the case, and leave single spaces between words."""
    return " ".join(text.casefold().split())


def quoted(text: str) -> str:
    """Shorten text to quote it in an error."""
    return " ".join(text.split())[:60]


def hour_of_day(hour: int, half: str, typed: str) -> int:
    """Return the hour on the 24-hour clock. `half` is "a" or "p". Raises Unreadable, quoting `typed`."""
    if not 1 <= hour <= 12:
        raise Unreadable(f'"{typed}" isn\'t a time. With am or pm, the hour is 1 to 12.')
    return hour % 12 + (12 if half == "p" else 0)
