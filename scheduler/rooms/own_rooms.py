"""Telling a session's own channel or role on Discord from one that only looks like it; pure.

discord.py repeats a request whose answer was lost, so a channel or role can have a twin. Anything else with the
same name was made by someone on the server, and is theirs.
"""

from datetime import UTC, datetime, timedelta

CLOCKS_DIFFER = timedelta(minutes=2)
"""The most that our clock and Discord's may differ."""
TWINS_WITHIN = timedelta(minutes=2)
"""The most between twins: requests are repeated for a minute at most."""
_FIRST_ID = datetime(2015, 1, 1, tzinfo=UTC)
"""The start of the milliseconds in Discord's ids: https://discord.com/developers/docs/reference#snowflakes"""


def made_at(id_: int) -> datetime:
    """Return when (UTC) Discord created the object with this id."""
    return _FIRST_ID + timedelta(milliseconds=id_ >> 22)


def is_own(
    id_: int, *, known_id: int | None, as_we_make_it: bool, since: datetime, until: datetime | None = None
) -> bool:
    """Whether this belongs to the session, by its id or as a twin made at the same time.

    `as_we_make_it` says that it has the name and settings that the bot gives it. If the session's own id isn't
    known, it must have been made between `since`, when we meant to make it, and `until`, when it was removed (None
    if it wasn't).
    """
    if id_ == known_id:
        return True
    if not as_we_make_it:
        return False
    at = made_at(id_)
    if known_id is not None:
        return abs(at - made_at(known_id)) <= TWINS_WITHIN
    return since - CLOCKS_DIFFER <= at and (until is None or at <= until + CLOCKS_DIFFER)
