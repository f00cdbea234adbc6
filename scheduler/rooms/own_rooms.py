"""How to tell a session's own channel or role on Discord from one that only looks like it; pure.

discord.py repeats a request whose answer was lost, so a channel or role can have a twin. Anything else with the
same name was made by somebody on the server and is theirs.
"""

from datetime import UTC, datetime, timedelta

CLOCKS_DIFFER = timedelta(minutes=2)
"""How far this host's clock and Discord's may be apart."""
TWINS_WITHIN = timedelta(minutes=2)
"""Requests are repeated for no longer than the bot's patience, a minute."""
_FIRST_ID = datetime(2015, 1, 1, tzinfo=UTC)
"""Discord counts the milliseconds in its ids from here: https://discord.com/developers/docs/reference#snowflakes"""


def made_at(id_: int) -> datetime:
    """When (UTC) Discord created the thing with this id."""
    return _FIRST_ID + timedelta(milliseconds=id_ >> 22)


def is_own(
    id_: int, *, known_id: int | None, as_we_make_it: bool, since: datetime, until: datetime | None = None
) -> bool:
    """Whether this belongs to the session: by its id, or as a twin made at the same time.

    `as_we_make_it`: it has the name and settings that the bot gives it. If the session's own id isn't known, a
    twin must have been made between `since`, when we meant to make it, and `until`, when it was removed (None: it
    wasn't).
    """
    if id_ == known_id:
        return True
    if not as_we_make_it:
        return False
    at = made_at(id_)
    if known_id is not None:
        return abs(at - made_at(known_id)) <= TWINS_WITHIN
    return since - CLOCKS_DIFFER <= at and (until is None or at <= until + CLOCKS_DIFFER)
